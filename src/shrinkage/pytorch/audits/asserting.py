"""`assert_regularized`: the audit as one line of a test suite.

Who uses this: people's own tests, in pytest or any other runner.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.findings import Report
from shrinkage.pytorch.audits.audit import audit
from shrinkage.pytorch.audits.step_call import TrainingStep
from shrinkage.terms import Term, Terms


def assert_regularized(
    model: nn.Module,
    optimizer: Optimizer,
    training_step: TrainingStep,
    batch: Any,
    terms: Term | Terms | Iterable[Term] | None = None,
    *,
    ignore: Iterable[str] = (),
    warnings: bool = False,
    **options: Any,
) -> Report:
    """Fail unless the terms arrive in a training step, as `shrinkage.pytorch.audit` judges it.

    Args:
        model: the model.
        optimizer: its optimizer.
        training_step: called as `training_step(model, optimizer, batch, scale)`.
        batch: handed on.
        terms: what should arrive; None: what optimizer and attached terms stand for.
        ignore: rules that do not count.
        warnings: whether warnings fail too.
        **options: of `audit`.

    Returns:
        The report, without the ignored rules.

    Raises:
        AssertionError: with the whole report as its text.
        InputError: what `audit` refuses, or an unknown rule.

    >>> import torch
    >>> model = nn.Linear(3, 2)
    >>> groups = [{"params": [model.weight], "weight_decay": 0.01}, {"params": [model.bias]}]
    >>> optimizer = torch.optim.SGD(groups, lr=0.1)
    >>> def training_step(model, optimizer, batch, scale):
    ...     optimizer.zero_grad()
    ...     model(batch).pow(2).mean().backward()
    ...     optimizer.step()
    >>> assert_regularized(model, optimizer, training_step, torch.ones(4, 3)).update
    'gradient'
    """
    report = audit(model, optimizer, training_step, batch, terms, **options).without(ignore)
    failed = not report.ok or (warnings and any(f.severity == "warning" for f in report.findings))
    if failed:
        raise AssertionError(str(report))
    return report
