"""`audit_trainer` on the Trainer of Transformers: its own training step, on copies."""

from __future__ import annotations

import inspect

import pytest
import torch
from transformers import Trainer, TrainerCallback

from shrinkage import L1, L2, layer
from shrinkage.errors import InputError
from shrinkage.pytorch import audit_trainer
from shrinkage.pytorch.transformers import Regularize
from tests.pytorch.audits.pictures import changes, picture, states_kept
from tests.pytorch.loops.test_audit_accelerate import listed
from tests.pytorch.loops.test_transformers import arguments, bert, rows

STRENGTH = 0.05
HEAD = layer("classifier")


class Adding(Trainer):
    """A penalty in the loss; the loss of a batch is not divided where batches accumulate."""

    l2 = STRENGTH
    batches = 1

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        del return_outputs
        loss = super().compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        penalty = self.l2 * model.classifier.weight.pow(2).sum() / 2
        return loss + penalty / self.batches


class PullsGradients(TrainerCallback):
    """Looks between backward and step."""

    def __init__(self):
        self.calls = 0

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):  # noqa: ARG002
        self.calls += 1
        assert model.classifier.weight.grad is not None


def trainer(folder, kind=Trainer, *, callbacks=(), optimizer=None, **options):
    model = bert()
    built = None if optimizer is None else optimizer(model.parameters(), lr=0.01, weight_decay=0.0)
    return kind(
        model,
        arguments(folder, **options),
        train_dataset=rows(),
        callbacks=list(callbacks),
        optimizers=(built, None),
    )


def test_its_own_decay_is_right_and_no_optimizer_is_left(tmp_path):
    training = trainer(tmp_path, weight_decay=STRENGTH, warmup_steps=3)
    report = audit_trainer(training)
    assert report.ok
    assert report.update == "decoupled"
    assert training.optimizer is None


def test_frozen_layers_are_not_meant(tmp_path):
    training = trainer(tmp_path, weight_decay=STRENGTH)
    training.model.bert.embeddings.requires_grad_(False)
    report = audit_trainer(training)
    assert report.findings == ()
    assert report.update == "decoupled"


def test_a_decay_beside_an_optimizer_of_ones_own(tmp_path):
    training = trainer(tmp_path, weight_decay=STRENGTH, optimizer=torch.optim.AdamW)
    report = audit_trainer(training)
    assert report.rules == ("no-effect",)
    assert "TrainingArguments(weight_decay=0.05)" in report.findings[0].remedy


def test_a_decay_that_create_optimizer_forgets(tmp_path):
    class Forgetting(Trainer):
        def create_optimizer(self):
            self.optimizer = torch.optim.AdamW(self.model.parameters(), weight_decay=0.0)
            return self.optimizer

    assert audit_trainer(trainer(tmp_path, Forgetting, weight_decay=STRENGTH)).rules == (
        "no-effect",
    )


class Ignoring(torch.optim.Optimizer):
    """Stores a weight decay and does not use it."""

    def step(self, closure=None):
        assert closure is None
        for group in self.param_groups:
            for weight in group["params"]:
                weight.data.add_(weight.grad, alpha=-group["lr"])


def test_an_optimizer_that_ignores_its_decay_is_not_the_trainers_fault(tmp_path):
    class Own(Trainer):
        def create_optimizer(self):
            defaults = {"lr": 0.01, "weight_decay": STRENGTH}
            self.optimizer = Ignoring(self.model.parameters(), defaults)
            return self.optimizer

    report = audit_trainer(trainer(tmp_path, Own, weight_decay=STRENGTH))
    assert report.rules == ("no-effect",)
    assert "TrainingArguments" not in report.findings[0].remedy
    assert report.findings[0].line.function == "create_optimizer"


@pytest.mark.parametrize("batches", [1, 2])
def test_a_penalty_in_compute_loss(batches, tmp_path):
    asked = {"terms": (STRENGTH * L2()).on(HEAD), "strengths": "l2"}
    training = trainer(tmp_path, Adding, gradient_accumulation_steps=batches)
    report = audit_trainer(training, **asked)
    rules = {said.rule for said in report.findings if said.severity == "error"}
    assert rules == ({"accumulation-multiplied"} if batches > 1 else set())
    text, begins = inspect.getsourcelines(Adding.compute_loss)
    within = next(number for number, line in enumerate(text) if "self.l2" in line)
    assert {said.line.line for said in report.findings} == {begins + within}
    training.batches = batches
    assert audit_trainer(training, **asked).ok
    assert training.l2 == STRENGTH


@pytest.mark.parametrize("update", ["proximal", "gradient", "loss"])
def test_the_terms_of_the_callback(update, tmp_path):
    class Asking(Trainer):
        def compute_loss(self, model, inputs, **options):
            loss = super().compute_loss(model, inputs, **options)
            return loss + callback.attachment.loss() if update == "loss" else loss

    callback = Regularize((1e-4 * L1()).on(HEAD), update)
    report = audit_trainer(trainer(tmp_path, Asking, callbacks=[callback]))
    assert report.ok, str(report)
    assert report.update == {"loss": "gradient"}.get(update, update)
    assert callback.attachment is None


def test_mixed_precision(tmp_path):
    training = trainer(tmp_path, weight_decay=STRENGTH, bf16=True)
    assert audit_trainer(training).update == "decoupled"
    assert not hasattr(training.model, "_original_forward")


@pytest.mark.slow
def test_everything_is_as_it_was(tmp_path):
    looks = PullsGradients()
    training = trainer(
        tmp_path,
        callbacks=[looks, Regularize((1e-4 * L1()).on(HEAD))],
        optimizer=torch.optim.AdamW,
        max_steps=2,
        lr_scheduler_type="linear",
    )
    training.train()
    calls, optimizer = looks.calls, training.optimizer
    rates = [group["lr"] for group in optimizer.param_groups]
    shared = listed(training.accelerator.gradient_state)
    with states_kept():
        before = picture(training.model, optimizer.optimizer), listed(training.accelerator)
        assert audit_trainer(training).ok
        after = picture(training.model, optimizer.optimizer), listed(training.accelerator)
    assert changes(before[0], after[0]) == []
    assert before[1] == after[1]
    assert training.optimizer is optimizer
    assert rates == [group["lr"] for group in optimizer.param_groups]
    assert listed(training.accelerator.gradient_state) == shared
    assert looks.calls == calls


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="the Trainer alone, got list"):
        audit_trainer(trainer(tmp_path, weight_decay=STRENGTH), [])
    empty = trainer(tmp_path, weight_decay=STRENGTH)
    empty.train_dataset = rows()[:0]
    with pytest.raises((InputError, ValueError)):
        audit_trainer(empty)
