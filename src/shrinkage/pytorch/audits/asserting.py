"""`assert_penalty_arrives`: the audit as one line of a test suite.

Who uses this: people's own tests, in pytest (where it is a fixture too) or any other runner.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from warnings import warn as deprecated

from torch import nn
from torch.optim import Optimizer

from shrinkage.audits.findings import Report
from shrinkage.audits.wording import failure_text
from shrinkage.pytorch.audits.audit import audit
from shrinkage.pytorch.audits.step_call import TrainingStep
from shrinkage.terms import Term, Terms


def assert_penalty_arrives(
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
        AssertionError: what was found, where, and what to do; below it what was measured.
        InputError: what `audit` refuses, or an unknown rule.

    >>> import torch
    >>> model = nn.Linear(3, 2)
    >>> groups = [{"params": [model.weight], "weight_decay": 0.01}, {"params": [model.bias]}]
    >>> optimizer = torch.optim.SGD(groups, lr=0.1)
    >>> def training_step(model, optimizer, batch, scale):
    ...     optimizer.zero_grad()
    ...     model(batch).pow(2).mean().backward()
    ...     optimizer.step()
    >>> assert_penalty_arrives(model, optimizer, training_step, torch.ones(4, 3)).update
    'gradient'
    """
    __tracebackhide__ = True  # pytest shows the test's own line
    report = audit(model, optimizer, training_step, batch, terms, **options).without(ignore)
    failed = not report.ok or (warnings and any(f.severity == "warning" for f in report.findings))
    if failed:
        raise AssertionError(failure_text(report))
    return report


def assert_regularized(*args: Any, **options: Any) -> Report:
    """Call `assert_penalty_arrives`, which is its name now.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     try:
    ...         assert_regularized()
    ...     except TypeError:
    ...         told[0].category.__name__
    'DeprecationWarning'
    """
    __tracebackhide__ = True
    deprecated(
        "assert_regularized is assert_penalty_arrives now, with the same arguments",
        DeprecationWarning,
        stacklevel=2,
    )
    return assert_penalty_arrives(*args, **options)
