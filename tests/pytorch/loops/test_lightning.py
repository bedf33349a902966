"""`shrinkage.pytorch.lightning`: what a plain loop does, in all ways in which Lightning trains."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from shrinkage import L1
from shrinkage.errors import InputError, UnsupportedOptimizer
from shrinkage.pytorch import WarmUp, regularize
from shrinkage.pytorch.lightning import Regularize
from tests.pytorch.loops.tiny_training import (
    EPOCHS,
    TERMS,
    UPDATES,
    WITH_ZEROS,
    adam,
    batches,
    equal,
    hooks,
    network,
    plain,
    sgd,
    table,
    zeros,
)


class Body:
    """What a module of either package has; its names begin with `net.`."""

    def __init__(self, build=sgd, regularization=None):
        super().__init__()
        self.net, self.build = network(), build
        self.regularization, self.seen = regularization, 0

    def training_step(self, batch, _):
        self.seen += 1
        x, y = batch
        loss = nn.functional.mse_loss(self.net(x), y)
        return loss if self.regularization is None else loss + self.regularization.attachment.loss()

    def configure_optimizers(self):
        return self.build(self.parameters())


class Module(Body, LightningModule):
    pass


class Alternating(Module):
    """Manual optimization: each layer has an optimizer of its own."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, _):
        x, y = batch
        for optimizer in self.optimizers():
            optimizer.zero_grad()
            self.manual_backward(nn.functional.mse_loss(self.net(x), y))
            optimizer.step()

    def configure_optimizers(self):
        return [sgd(self.net[0].parameters()), adam(self.net[2].parameters())]


class Failing(Module):
    """Its third batch is an error; `held` are the hooks on the optimizer at each."""

    def __init__(self):
        super().__init__()
        self.optimizer, self.held = sgd(self.parameters()), []

    def training_step(self, batch, batch_idx):
        self.held.append(hooks(self.optimizer))
        if batch_idx == 2:
            raise KeyError(batch_idx)
        return super().training_step(batch, batch_idx)

    def configure_optimizers(self):
        return self.optimizer


class Validated(Module):
    def validation_step(self, *_):
        pass


def loader() -> DataLoader:
    return DataLoader(TensorDataset(*table()), batch_size=8)


def trainer(folder: Path, *callbacks, epochs: int = EPOCHS, kind=Trainer, **options) -> Trainer:
    return kind(
        max_epochs=epochs,
        accelerator="cpu",
        default_root_dir=folder,
        callbacks=list(callbacks),
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        **options,
    )


class TestSameAsThePlainLoop:
    @pytest.mark.parametrize("build", [sgd, adam])
    @pytest.mark.parametrize("update", UPDATES)
    def test_bit_for_bit(self, update, build, tmp_path):
        callback = Regularize(TERMS, update)
        module = Module(build, callback if update == "loss" else None)
        trainer(tmp_path, callback).fit(module, loader())
        expected, attachment = plain(EPOCHS, build, update)
        assert equal(module.net, expected)
        assert (zeros(module.net) > 0) == (update in WITH_ZEROS)
        assert callback.attachment.steps == attachment.steps == 4 * EPOCHS

    def test_accumulation_and_clipping(self, tmp_path):
        module, callback = Module(adam), Regularize(TERMS)
        options = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1}
        trainer(tmp_path, callback, **options).fit(module, loader())
        expected = network()
        optimizer = adam(expected.parameters())
        regularize(optimizer, expected, TERMS)
        for _ in range(EPOCHS):
            for index, (x, y) in enumerate(batches()):
                (nn.functional.mse_loss(expected(x), y) / 2).backward()
                if index % 2:
                    nn.utils.clip_grad_norm_(expected.parameters(), 0.1)
                    optimizer.step()
                    optimizer.zero_grad()
        assert equal(module.net, expected)
        assert zeros(module.net) > 0
        assert callback.attachment.steps == 2 * EPOCHS

    def test_bfloat16_mixed(self, tmp_path):
        module = Module(adam)
        trainer(tmp_path, Regularize(TERMS), precision="bf16-mixed").fit(module, loader())
        expected = network()
        optimizer = adam(expected.parameters())
        regularize(optimizer, expected, TERMS)
        for _ in range(EPOCHS):
            for x, y in batches():
                optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
                    loss = nn.functional.mse_loss(expected(x), y)
                loss.backward()
                optimizer.step()
        assert equal(module.net, expected)
        assert zeros(module.net) > 0

    @pytest.mark.parametrize("second", [1, "Adam"])
    def test_manual_optimization_of_several_optimizers(self, second, tmp_path):
        module, first_terms, second_terms = Alternating(), TERMS.on("net.0.*"), TERMS.on("net.2.*")
        callbacks = [Regularize(first_terms), Regularize(second_terms, optimizer=second)]
        trainer(tmp_path, *callbacks).fit(module, loader())
        expected = network()
        optimizers = [sgd(expected[0].parameters()), adam(expected[2].parameters())]
        for optimizer, names in zip(optimizers, ("0.*", "2.*"), strict=True):
            regularize(optimizer, expected, TERMS.on(names))
        for _ in range(EPOCHS):
            for x, y in batches():
                for optimizer in optimizers:
                    optimizer.zero_grad()
                    nn.functional.mse_loss(expected(x), y).backward()
                    optimizer.step()
        assert equal(module.net, expected)
        assert (module.net[0].weight == 0).any()
        assert (module.net[2].weight == 0).any()

    def test_the_older_package_takes_the_same_callback(self, tmp_path):
        older = pytest.importorskip("pytorch_lightning", reason="another package, not required")
        module = type("Older", (Body, older.LightningModule), {})()
        trainer(tmp_path, Regularize(TERMS), kind=older.Trainer).fit(module, loader())
        assert equal(module.net, plain(EPOCHS)[0])


class TestWhatIsToldAndRefused:
    def test_names_are_those_of_the_module(self, tmp_path):
        callback = Regularize(TERMS.on("net.2.*"))
        trainer(tmp_path, callback, epochs=1).fit(Module(), loader())
        penalised = {name for name, parts in callback.attachment.assignment.parts.items() if parts}
        assert penalised == {"net.2.weight"}

    @pytest.mark.parametrize(
        ("terms", "update"), [(TERMS, "gradient"), (TERMS.with_update("gradient"), "proximal")]
    )
    def test_gradient_is_refused_before_the_first_step(self, terms, update, tmp_path):
        module = Module()
        with pytest.raises(UnsupportedOptimizer, match=r"Lightning calls optimizer.step\(closure"):
            trainer(tmp_path, Regularize(terms, update)).fit(module, loader())
        assert module.seen == 0

    def test_own_weight_decay_is_told_with_names(self, tmp_path):
        module = Module(lambda given: torch.optim.AdamW(given, lr=0.01, weight_decay=0.3))
        with pytest.warns(UserWarning, match=r"weight_decay=0\.3 on 2 parameters.*net\.0\.weight"):
            trainer(tmp_path, Regularize(TERMS), epochs=1).fit(module, loader())

    def test_a_forgotten_loss_is_told(self, tmp_path):
        with pytest.warns(UserWarning, match=r"without attachment\.loss\(\)"):
            trainer(tmp_path, Regularize(TERMS, "loss"), epochs=1).fit(Module(), loader())

    @pytest.mark.parametrize("chosen", [1, "Adam", -1])
    def test_an_optimizer_that_is_not_there(self, chosen, tmp_path):
        with pytest.raises(InputError, match=r"\(0: SGD\), got"):
            trainer(tmp_path, Regularize(TERMS, optimizer=chosen)).fit(Module(), loader())

    def test_a_penalty_without_strength_and_an_unknown_update(self):
        with pytest.raises(InputError, match="multiply it"):
            Regularize(L1())
        with pytest.raises(InputError, match="proximal"):
            Regularize(TERMS, "proximity")


class TestBeginAndEnd:
    def test_it_detaches(self, tmp_path):
        module, callback = Module(), Regularize(TERMS)
        fitting = trainer(tmp_path, callback, epochs=1)
        fitting.fit(module, loader())
        assert hooks(fitting.optimizers[0]) == 0
        assert "net.0.weight" in callback.attachment.table()

    def test_it_detaches_after_an_error(self, tmp_path):
        module = Failing()
        with pytest.raises(KeyError):
            trainer(tmp_path, Regularize(TERMS), epochs=1).fit(module, loader())
        assert module.held == [2, 2, 2]
        assert hooks(module.optimizer) == 0

    def test_a_second_fit_is_a_training_of_its_own(self, tmp_path):
        callback, options = Regularize(TERMS, schedule=WarmUp(40)), {"schedule": WarmUp(40)}
        for _ in range(2):
            module = Module()
            trainer(tmp_path, callback, epochs=15).fit(module, loader())
            assert equal(module.net, plain(15, **options)[0])


class TestResume:
    @pytest.mark.parametrize("build", [sgd, adam])
    def test_as_if_never_interrupted(self, build, tmp_path):
        options = {"schedule": WarmUp(60), "freeze_zeros": True}
        file = tmp_path / "half.ckpt"
        first = trainer(tmp_path, Regularize(TERMS, **options), epochs=2)
        first.fit(Module(build), loader())
        first.save_checkpoint(file)
        second, module = Regularize(TERMS, **options), Module(build)
        trainer(tmp_path, second, epochs=20).fit(module, loader(), ckpt_path=file)
        expected, attachment = plain(20, build, **options)
        assert equal(module.net, expected)
        assert second.attachment.steps == attachment.steps
        assert zeros(module.net) > 0

    def test_a_checkpoint_holds_no_objects(self, tmp_path):
        callback = Regularize(TERMS)
        fitting = trainer(tmp_path, callback, epochs=2)
        fitting.fit(Module(), loader())
        fitting.save_checkpoint(tmp_path / "end.ckpt")
        saved = torch.load(tmp_path / "end.ckpt", weights_only=True)
        state = saved["callbacks"]["shrinkage.Regularize(optimizer=0)"]
        assert state == callback.attachment.state_dict()
        assert state["steps"] == 8
        assert state["momentum"].keys() == {"net.0.weight", "net.2.weight"}

    def test_a_loaded_state_is_not_used_twice(self, tmp_path):
        callback, file = Regularize(TERMS, schedule=WarmUp(40)), tmp_path / "end.ckpt"
        fitting = trainer(tmp_path, callback, epochs=2)
        fitting.fit(Module(), loader())
        fitting.save_checkpoint(file)
        trainer(tmp_path, callback, epochs=4).fit(Module(), loader(), ckpt_path=file)
        trainer(tmp_path, callback, epochs=1).validate(Validated(), loader(), ckpt_path=file)
        module = Module()
        trainer(tmp_path, callback, epochs=4).fit(module, loader())
        assert equal(module.net, plain(4, schedule=WarmUp(40))[0])
