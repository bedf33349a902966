"""Trainings with Lightning, Transformers, Accelerate and skorch, to be audited by their trainers.

Who uses this: the faults and the correct loops of trainers. Each function returns an audit that
builds everything when it is called, since Accelerate has one state for a process; it is taken back
afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from shrinkage import L2
from tests.builders.torch_networks import half_squares
from tests.mutants.audit_faults.networks import RATE, STRENGTH, batch, data_loss, network
from tests.mutants.audit_faults.records import Audited

TERMS = STRENGTH * L2()
Groups = list[dict[str, Any]]
# What a training adds to the loss of a batch: of the model and the strength.
Penalty = Callable[[nn.Module, float], Any]


def right_penalty(model: nn.Module, strength: float) -> torch.Tensor:
    """Return strength times half the squares of the weights."""
    return strength * half_squares(model)


def decayed(parameters: Iterable[torch.Tensor]) -> Groups:
    """Return groups in which weights decay, and biases do not."""
    matrices, others = [], []
    for parameter in parameters:
        (matrices if parameter.ndim > 1 else others).append(parameter)
    return [{"params": matrices, "weight_decay": STRENGTH}, {"params": others}]


def rows(size: int = 4) -> DataLoader:
    """Return the batch in four."""
    return DataLoader(TensorDataset(*batch(torch.float32)), batch_size=size)


def lightning(
    build: Callable[[Any], Any], penalty: Penalty | None = None, /, **settings: Any
) -> Audited:
    """Return the audit of a LightningModule with an optimizer, and maybe a penalty of its own."""

    def audited() -> Any:
        from lightning.pytorch import LightningModule, Trainer

        from shrinkage.pytorch import audit_trainer

        class Module(LightningModule):
            l2 = STRENGTH

            def __init__(self) -> None:
                super().__init__()
                self.net = network(torch.float32)

            def training_step(self, data: Any, _: int) -> torch.Tensor:
                loss = data_loss(self.net, data)
                return loss if penalty is None else loss + penalty(self, self.l2)

            def configure_optimizers(self) -> Any:
                return build(self.parameters())

        quiet = dict.fromkeys(("logger", "enable_progress_bar", "enable_checkpointing"), False)
        trainer = Trainer(max_epochs=1, accelerator="cpu", **quiet, **settings)
        names = () if penalty is None else ("l2",)
        return audit_trainer(trainer, Module(), rows(), terms=TERMS, strengths=names)

    return audited


def transformers(
    penalty: Penalty | None = None,
    build: Callable[[Any], Any] | None = None,
    /,
    **settings: Any,
) -> Audited:
    """Return the audit of a Trainer with a penalty in `compute_loss`, or an optimizer given."""

    def audited() -> Any:
        from transformers import Trainer, TrainingArguments

        from shrinkage.pytorch import audit_trainer

        class Regression(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = network(torch.float32)

            def forward(self, x: torch.Tensor, labels: torch.Tensor, **_: Any) -> Any:
                return {"loss": 0.5 * functional.mse_loss(self.net(x), labels)}

        class Penalised(Trainer):
            l2 = STRENGTH

            def compute_loss(self, model: Any, inputs: Any, **options: Any) -> Any:
                loss = super().compute_loss(model, inputs, **options)
                return loss if penalty is None else loss + penalty(model, self.l2)

        model, (x, y) = Regression(), batch(torch.float32)
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                folder,
                per_device_train_batch_size=4,
                learning_rate=RATE,
                use_cpu=True,
                report_to=[],
                **settings,
            )
            trainer = Penalised(
                model,
                arguments,
                train_dataset=[{"x": a, "labels": b} for a, b in zip(x, y, strict=True)],
                optimizers=(build(model.parameters()) if build else None, None),
            )
            names = () if penalty is None else ("l2",)
            return audit_trainer(trainer, terms=TERMS if penalty else None, strengths=names)

    return _state_taken_back(audited)


def accelerate(
    loss: Callable[[nn.Module, Any, float], Any],
    build: Callable[[Any], Any],
    /,
    **settings: Any,
) -> Audited:
    """Return the audit of what an accelerator has prepared."""

    def audited() -> Any:
        from accelerate import Accelerator

        from shrinkage.pytorch import audit_trainer

        model = network(torch.float32)
        accelerator = Accelerator(cpu=True, **settings)
        prepared = accelerator.prepare(model, build(model.parameters()), rows())
        return audit_trainer(accelerator, *prepared, loss, terms=TERMS)

    return _state_taken_back(audited)


def skorch(penalty: Penalty | None = None, batches: int = 1, /, **settings: Any) -> Audited:
    """Return the audit of a net with a penalty in `get_loss`, which steps at every n-th batch."""

    def audited() -> Any:
        from skorch import NeuralNetRegressor

        from shrinkage.pytorch import audit_trainer

        class Penalised(NeuralNetRegressor):
            l2 = STRENGTH

            def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False):
                del X, training
                loss = 0.5 * functional.mse_loss(y_pred, y_true) / batches
                return loss if penalty is None else loss + penalty(self.module_, self.l2)

            def train_step(self, batch: Any, **fit_params: Any) -> Any:
                step = self.train_step_single(batch, **fit_params)
                if len(self.history[-1, "batches"]) % batches == 0:
                    self.optimizer_.step()
                    self.optimizer_.zero_grad()
                return step

        optimizer = {"optimizer": torch.optim.SGD, "lr": RATE}
        fixed = {"batch_size": 4, "train_split": None, "verbose": 0, **optimizer}
        x, y = (part.numpy() for part in batch(torch.float32))
        names = () if penalty is None else ("l2",)
        net = Penalised(lambda: network(torch.float32), **{**fixed, **settings})
        return audit_trainer(net, x, y, terms=TERMS, strengths=names)

    return audited


def _state_taken_back(audited: Audited) -> Audited:
    def run() -> Any:
        from accelerate.state import AcceleratorState, GradientState

        try:
            return audited()
        finally:
            AcceleratorState._reset_state(reset_partial_state=True)
            GradientState._reset_state()

    return run
