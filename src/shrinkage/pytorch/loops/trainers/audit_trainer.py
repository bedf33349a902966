"""`audit_trainer`: the audit of a training that a framework takes.

Who uses this: people with a Trainer, an Accelerator or a net, and `shrinkage audit`.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from shrinkage.audits.findings import Report
from shrinkage.audits.source_lines import Origins, with_lines
from shrinkage.errors import InputError, OwnDecayWarning
from shrinkage.pytorch.audits.audit import audit_as
from shrinkage.pytorch.audits.constructions import constructions_noted
from shrinkage.pytorch.audits.origins import origins_of
from shrinkage.pytorch.audits.step_call import seeded
from shrinkage.pytorch.loops.trainers.base import LoopRequest, TrainerLoop
from shrinkage.pytorch.loops.trainers.stepping import NeedsClosure
from shrinkage.terms import Term, Terms

# The class of a framework, where it is, and the file here that knows it.
FRAMEWORKS = (
    ("lightning.pytorch", "Trainer", "lightning"),
    ("pytorch_lightning", "Trainer", "lightning"),
    ("transformers.trainer", "Trainer", "transformers"),
    ("accelerate", "Accelerator", "accelerate"),
    ("skorch", "NeuralNet", "skorch"),
)
_PACKAGES = {module.partition(".")[0] for module, _, _ in FRAMEWORKS}


def audit_trainer(
    trainer: Any,
    *training: Any,
    terms: Term | Terms | Iterable[Term] | None = None,
    update: str | None = None,
    strengths: str | Iterable[str] = (),
    optimizer: int | str = 0,
    seed: int = 0,
) -> Report:
    """Return whether the terms of a framework's training arrive, as `audit` judges it.

    The optimizer is built as the framework builds it (`configure_optimizers`, `create_optimizer`,
    `initialize`, or what was prepared), and a copy of it takes real steps of the framework on a
    copy of the model: its precision, accumulation and clipping, the user's own overrides, and the
    callbacks that have a hook between the batch and the weights. The learning rate is the one
    before a schedule changes it.

    Args:
        trainer: a Trainer of Lightning (then: module, data) or Transformers (then: nothing), an
            Accelerator (then: model, optimizer, loader and `loss_function(model, batch)` or
            `(model, batch, scale)`), or a net of skorch (then: X, y). It is left as it was.
        *training: what the framework's own training takes.
        terms: what should arrive; None: what the settings, the optimizer's `weight_decay` and the
            callback `Regularize` stand for.
        update: by which update; None accepts any and names it.
        strengths: numbers that a loss of one's own multiplies its penalties by, as attributes of
            the LightningModule, the Trainer or the net: "l2", "hparams.l2".
        optimizer: which of several of a LightningModule, by position or class name.
        seed: random state of every step.

    Returns:
        The `Report`.

    Raises:
        InputError: no trainer of a framework, other arguments than its training takes, several
            processes, a name in `strengths` that is no number, and what `audit` refuses.
        UnsupportedOptimizer: the framework steps with something else than torch.optim.

    >>> import skorch, torch
    >>> net = skorch.NeuralNetRegressor(
    ...     torch.nn.Linear(3, 1), optimizer=torch.optim.AdamW, optimizer__weight_decay=0.1
    ... )
    >>> report = audit_trainer(net, torch.ones(8, 3).numpy(), torch.ones(8, 1).numpy())
    >>> report.update, report.rules
    ('decoupled', ('bias-or-norm-penalised',))
    """
    named = (strengths,) if isinstance(strengths, str) else tuple(strengths)
    framework = framework_of(trainer)
    with ExitStack() as undo:
        with seeded(seed), warnings.catch_warnings(), constructions_noted(_PACKAGES):
            warnings.simplefilter("ignore", OwnDecayWarning)  # the audit has a rule for it
            loop = framework.loop_of(trainer, training, LoopRequest(named, optimizer, undo))
        asked = loop.terms if terms is None else terms
        named = {"update": update, "steps_per_epoch": loop.steps_per_epoch, "seed": seed}
        options = {"asked": terms is not None, **named}
        arguments = loop.model, loop.optimizer, loop.step, loop.batches, asked
        try:
            report = audit_as(*arguments, **options)
        except NeedsClosure:
            report = audit_as(*arguments, **options)
        origins = origins_of(loop.model, loop.optimizer, *loop.lines)
    return _worded(with_lines(report, origins), loop, origins)


def _worded(report: Report, loop: TrainerLoop, origins: Origins) -> Report:
    """Return a report with remedies in the framework's words.

    Where nothing arrives of a decay that the optimizer has, the framework is not to blame.
    """
    stored = bool(origins.decayed or origins.attached)
    remedies = {k: v for k, v in loop.remedies.items() if not (stored and k == "no-effect")}
    findings = tuple(
        replace(said, remedy=remedies.get(said.rule, said.remedy)) for said in report.findings
    )
    return replace(report, findings=findings)


def is_trainer(trainer: Any) -> bool:
    """Return whether an object is one that `audit_trainer` takes; no framework is imported."""
    return _room_of(trainer) is not None


def framework_of(trainer: Any) -> Any:
    """Return the module here that knows a trainer's framework.

    Raises:
        InputError: it is of none.
    """
    room = _room_of(trainer)
    if room is None:
        raise InputError(
            "expected a Trainer of Lightning or Transformers, an Accelerator or a net of skorch, "
            f"got {type(trainer).__name__}: a loop of your own is for shrinkage.pytorch.audit"
        )
    return importlib.import_module(f"shrinkage.pytorch.loops.trainers.{room}")


def _room_of(trainer: Any) -> str | None:
    for module, name, room in FRAMEWORKS:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(trainer, kind):
            return room
    return None
