"""`audit_trainer` on Lightning: its own fit takes the step, and the user's objects stay."""

from __future__ import annotations

import inspect
import threading
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from shrinkage import L1, L2
from shrinkage.errors import InputError
from shrinkage.pytorch import audit_trainer
from shrinkage.pytorch.lightning import Regularize
from tests.builders.torch_networks import half_squares
from tests.pytorch.audits.pictures import changes, picture, states_kept
from tests.pytorch.loops.tiny_training import adam, network, sgd, table

STRENGTH = 0.05


class Module(LightningModule):
    """A regression whose optimizer, and whose penalty, are as asked for."""

    def __init__(self, build=sgd, l2=0.0):
        super().__init__()
        self.net, self.build = network(), build
        self.save_hyperparameters({"l2": l2})

    def training_step(self, batch, _):
        loss = nn.functional.mse_loss(self.net(batch[0]), batch[1])
        self.log("loss", loss)
        return loss + self.hparams.l2 * half_squares(self)

    def configure_optimizers(self):
        return self.build(self.parameters())


def decayed(parameters):
    matrices, others = [], []
    for parameter in parameters:
        (matrices if parameter.ndim > 1 else others).append(parameter)
    groups = [{"params": matrices, "weight_decay": STRENGTH}, {"params": others}]
    return torch.optim.AdamW(groups, lr=0.01, weight_decay=0.0)


class WarmingUp(Module):
    """The first step of its schedule has a learning rate of 0."""

    def configure_optimizers(self):
        optimizer = decayed(self.parameters())
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Alternating(Module):
    """Manual optimization: an optimizer a layer, which steps at every second batch."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        self.manual_backward(nn.functional.mse_loss(self.net(batch[0]), batch[1]) / 2)
        if batch_idx % 2:
            for optimizer in self.optimizers():
                optimizer.step()
                optimizer.zero_grad()

    def configure_optimizers(self):
        return [sgd(self.net[0].parameters()), decayed(self.net[2].parameters())]


class PullsGradients(Callback):
    """A penalty that lives in a callback, between backward and step."""

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):  # noqa: ARG002
        for parameter in pl_module.parameters():
            if parameter.ndim > 1:
                parameter.grad.add_(parameter.detach(), alpha=STRENGTH)


def loader(**options) -> DataLoader:
    return DataLoader(TensorDataset(*table()), batch_size=4, **options)


def trainer(folder: Path, *callbacks, **options) -> Trainer:
    quiet = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary"), False)
    return Trainer(
        max_epochs=2,
        accelerator="cpu",
        default_root_dir=folder,
        callbacks=list(callbacks),
        enable_checkpointing=False,
        **quiet,
        **options,
    )


def test_a_right_optimizer_is_ok_and_knows_the_epochs(tmp_path):
    report = audit_trainer(trainer(tmp_path), Module(decayed), loader(shuffle=True))
    assert report.update == "decoupled"
    assert report.findings == ()
    assert [seen.parameter for seen in report.seen][:2] == ["net.0.weight", "net.0.bias"]


def test_an_optimizer_that_forgets_the_decay(tmp_path):
    report = audit_trainer(trainer(tmp_path), Module(), loader(), terms=STRENGTH * L2())
    assert report.rules == ("no-effect",)
    assert "configure_optimizers" in report.findings[0].remedy


def test_biases_that_decay_are_at_the_line_that_builds_the_optimizer(tmp_path):
    def everything(parameters):
        return torch.optim.AdamW(parameters, lr=0.01, weight_decay=STRENGTH)

    report = audit_trainer(trainer(tmp_path), Module(everything), loader())
    assert report.ok
    assert report.rules == ("bias-or-norm-penalised",)
    line = report.findings[0].line
    assert (line.file, line.function) == (__file__, "everything")
    assert line.line == everything.__code__.co_firstlineno + 1


@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 4, "gradient_clip_val": 0.1}])
def test_a_penalty_in_the_loss_by_the_name_of_its_strength(options, tmp_path):
    asked = {"terms": STRENGTH * L2(), "strengths": "hparams.l2"}
    right = audit_trainer(trainer(tmp_path, **options), Module(l2=STRENGTH), loader(), **asked)
    clipped = ("clipped",) if options else ()  # told, as the penalty is with the data
    assert right.rules == clipped
    assert right.update == "gradient"
    wrong = audit_trainer(trainer(tmp_path, **options), Module(l2=2 * STRENGTH), loader(), **asked)
    assert set(wrong.rules) == {"wrong-factor", *clipped}
    text, begins = inspect.getsourcelines(Module.training_step)
    within = next(number for number, line in enumerate(text) if "hparams.l2" in line)
    errors = [said for said in wrong.findings if said.rule == "wrong-factor"]
    assert {said.line.line for said in errors} == {begins + within}


def test_a_schedule_that_begins_at_0(tmp_path):
    assert audit_trainer(trainer(tmp_path), WarmingUp(), loader()).update == "decoupled"


def test_one_of_several_optimizers_stepped_by_hand(tmp_path):
    report = audit_trainer(trainer(tmp_path), Alternating(), loader(), optimizer="AdamW")
    assert report.ok
    assert {seen.parameter for seen in report.seen if seen.expected} == {"net.2.weight"}
    with pytest.raises(InputError, match="0: SGD, 1: AdamW"):
        audit_trainer(trainer(tmp_path), Alternating(), loader(), optimizer=2)


@pytest.mark.parametrize("update", ["proximal", "decoupled", "loss"])
def test_the_terms_of_the_callback(update, tmp_path):
    class Adding(Module):
        def training_step(self, batch, batch_idx):
            loss = super().training_step(batch, batch_idx)
            return loss + callback.attachment.loss() if update == "loss" else loss

    callback = Regularize(STRENGTH * L1() + STRENGTH * L2(), update)
    report = audit_trainer(trainer(tmp_path, callback), Adding(adam), loader())
    assert report.ok, str(report)
    assert report.update == {"loss": "gradient"}.get(update, update)
    assert callback.attachment is None


def test_a_callback_that_changes_gradients_takes_part(tmp_path):
    fitting = trainer(tmp_path, PullsGradients())
    report = audit_trainer(fitting, Module(), loader(), terms=STRENGTH * L2())
    assert report.rules == ("not-linear",)  # its strength is not known, so it is in every step
    assert "acts in the gradient (1 times), and no `scale` multiplies it" in str(report)
    twice = audit_trainer(fitting, Module(decayed), loader())
    assert twice.update == "decoupled"


class NeedsItsClosure(torch.optim.Optimizer):
    """As sharpness-aware optimizers: without a closure there is no step."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.05})

    def step(self, closure=None):
        assert closure is not None
        with torch.enable_grad():
            closure()
        for weight in self.param_groups[0]["params"]:
            weight.data.add_(weight.grad, alpha=-0.05)


@pytest.mark.parametrize("factor", [1, 2])
def test_an_optimizer_that_needs_its_closure(factor, tmp_path):
    module = Module(NeedsItsClosure, l2=factor * STRENGTH)
    options = {"terms": STRENGTH * L2(), "strengths": "hparams.l2"}
    report = audit_trainer(trainer(tmp_path), module, loader(), **options)
    assert report.rules == (() if factor == 1 else ("wrong-factor",))


def test_what_has_no_copy_is_named(tmp_path):
    module, callback = Module(decayed), PullsGradients()
    module.last = module.net(torch.ones(1, 5))  # kept from a forward pass: its values have one
    assert audit_trainer(trainer(tmp_path), module, loader()).ok
    del module.last
    module.lock = callback.lock = threading.Lock()
    with pytest.raises(InputError, match=r"got module\.lock, which cannot"):
        audit_trainer(trainer(tmp_path), module, loader())
    with pytest.raises(InputError, match=r"got callback\.lock, which cannot"):
        audit_trainer(trainer(tmp_path, callback), Module(decayed), loader())


def test_nothing_is_told(tmp_path, caplog, capsys):
    fitting = trainer(tmp_path, precision="bf16-mixed")
    caplog.clear()
    capsys.readouterr()
    audit_trainer(fitting, Module(decayed), loader())
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


def test_data_of_a_module(tmp_path):
    class Data(LightningDataModule):
        def train_dataloader(self):
            return loader()

    assert audit_trainer(trainer(tmp_path), Module(decayed), Data()).update == "decoupled"


def test_everything_is_as_it_was(tmp_path):
    fitting, module = trainer(tmp_path, accumulate_grad_batches=2), Module(decayed)
    fitting.fit(module, loader())
    (optimizer,) = fitting.optimizers
    rates = [group["lr"] for group in optimizer.param_groups]
    with states_kept():
        before = picture(module, optimizer), fitting.global_step, vars(fitting).keys()
        audit_trainer(fitting, module, loader(shuffle=True))
        after = picture(module, optimizer), fitting.global_step, vars(fitting).keys()
    assert changes(before[0], after[0]) == []
    assert before[1:] == after[1:]
    assert rates == [group["lr"] for group in optimizer.param_groups]
    assert module.trainer is fitting
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("training", "options", "words"),
    [
        ((), {}, "audit_trainer\\(trainer, module, loader\\)"),
        ((3,), {}, "got int"),
        ((Module(decayed), []), {}, "at least one step"),
        ((Module(decayed), loader()), {"strengths": "hparams.l3"}, "none named 'l3'"),
        ((Module(decayed), loader()), {"strengths": "build"}, "expected a number"),
    ],
)
def test_bad_input(training, options, words, tmp_path):
    with pytest.raises(InputError, match=words):
        audit_trainer(trainer(tmp_path), *training, **options)
