"""Hooks of a LightningModule that change a step, under `audit_trainer`."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from shrinkage import L1, L2
from shrinkage.audits import Report
from shrinkage.pytorch import audit_trainer, keep_zeros
from shrinkage.pytorch.lightning import Regularize
from tests.pytorch.loops.tiny_training import network, table

STRENGTH, RATE = 0.05, 0.02


class Module(LightningModule):
    """A regression without a penalty of its own."""

    def __init__(self, strength: float = 0.0) -> None:
        super().__init__()
        self.net, self.strength = network(), strength

    def matrices(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.ndim > 1]

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        return nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.matrices(), lr=RATE, weight_decay=self.strength)


class Shrinking(Module):
    """Adam, and a decay by hand behind every step."""

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=RATE)

    def on_train_batch_end(self, *_: Any) -> None:
        with torch.no_grad():
            for parameter in self.matrices():
                parameter.mul_(1 - RATE * self.strength)


class RateByHand(Module):
    """Sets the learning rate in front of every step, as a warm-up does."""

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None
    ) -> None:
        del epoch, batch_idx
        for group in optimizer.param_groups:
            group["lr"] = RATE / 10
        optimizer.step(closure=optimizer_closure)


def trainer(callbacks: Any = ()) -> Trainer:
    quiet: Any = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary"), False)
    options: Any = {"accelerator": "cpu", "enable_checkpointing": False, **quiet}
    return Trainer(max_epochs=2, callbacks=list(callbacks), **options)


def audited(module: Module, *strengths: str, callbacks: Any = ()) -> Report:
    loader = DataLoader(TensorDataset(*table()), batch_size=4)
    terms = STRENGTH * L2()
    return audit_trainer(trainer(callbacks), module, loader, terms=terms, strengths=strengths)


@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_a_penalty_in_the_modules_own_hook_behind_the_step(factor: float) -> None:
    report = audited(Shrinking(factor * STRENGTH), "strength")
    assert report.rules == (() if factor == 1 else ("wrong-factor",)), report
    assert report.update == "decoupled"


@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_a_rate_that_the_module_sets(factor: float) -> None:
    report = audited(RateByHand(factor * STRENGTH))
    assert report.rules == (() if factor == 1 else ("wrong-factor",)), report


class Behind(Callback):
    """A decay in a callback behind the step, where others log."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:  # noqa: ARG002
        with torch.no_grad():
            for parameter in pl_module.matrices():
                parameter.mul_(1 - RATE * pl_module.strength)


def test_a_callback_that_does_not_take_part_is_named() -> None:
    class Plain(Module):
        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=RATE)

    report = audited(Plain(STRENGTH), "strength", callbacks=[Behind()])
    assert report.rules == ("no-effect",)
    assert "on_train_batch_end of Behind did not run" in report.findings[0].remedy
    assert "did not run" not in audited(Plain(STRENGTH), "strength").findings[0].remedy


@pytest.mark.parametrize("kept", [False, True])
def test_zeros_that_an_average_loses_are_told(kept: bool) -> None:
    average = get_ema_multi_avg_fn(0.9)
    averages = WeightAveraging(multi_avg_fn=keep_zeros(average) if kept else average)
    callbacks = [Regularize(0.5 * L1()), averages]
    loader = DataLoader(TensorDataset(*table()), batch_size=4)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        module = Module()
        trainer(callbacks).fit(module, loader)
    lost = [str(one.message) for one in told if "exact zeros are lost" in str(one.message)]
    assert bool(lost) is not kept
    assert (module.matrices()[0] == 0).any() or not kept
