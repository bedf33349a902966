"""Hooks of a LightningModule that change a step, under `audit_trainer`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from shrinkage import L2
from shrinkage.audits import Report
from shrinkage.pytorch import audit_trainer
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


def audited(module: Module, *strengths: str) -> Report:
    quiet = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(max_epochs=2, accelerator="cpu", enable_checkpointing=False, **quiet)  # pyright: ignore[reportArgumentType]
    loader = DataLoader(TensorDataset(*table()), batch_size=4)
    return audit_trainer(trainer, module, loader, terms=STRENGTH * L2(), strengths=strengths)


@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_a_penalty_in_the_modules_own_hook_behind_the_step(factor: float) -> None:
    report = audited(Shrinking(factor * STRENGTH), "strength")
    assert report.rules == (() if factor == 1 else ("wrong-factor",)), report
    assert report.update == "decoupled"


@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_a_rate_that_the_module_sets(factor: float) -> None:
    report = audited(RateByHand(factor * STRENGTH))
    assert report.rules == (() if factor == 1 else ("wrong-factor",)), report
