"""`TrainingArguments(weight_decay=…)` where the optimizer decays by a rule of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer

from shrinkage import L2
from shrinkage.pytorch import audit_trainer
from tests.pytorch.audits.own_optimizers import Own, sign, tripled
from tests.pytorch.loops.test_transformers import arguments, bert, rows

STRENGTH = 0.05


class Tripled(Trainer):
    """Builds an optimizer that takes three times its decay, of the parameters that are meant."""

    def create_optimizer(self, *_: Any, **__: Any) -> torch.optim.Optimizer:
        model: Any = self.model
        names = set(self.get_decay_parameter_names(model))
        meant = [w for name, w in model.named_parameters() if name in names]
        options: Any = {"lr": 0.01, "way": tripled, "direction": sign}
        self.optimizer = Own(meant, weight_decay=self.args.weight_decay, **options)
        return self.optimizer


@pytest.mark.parametrize("asked", [False, True])
def test_an_error_only_where_a_person_asks_for_more(asked: bool, tmp_path: Path) -> None:
    trainer = Tripled(bert(), arguments(tmp_path, weight_decay=STRENGTH), train_dataset=rows())
    terms = STRENGTH * L2() if asked else None
    report = audit_trainer(trainer, terms=terms)
    assert report.ok is not asked, report
    assert asked or "decays-otherwise" in report.rules
