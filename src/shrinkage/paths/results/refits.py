"""The models that were trained on all training rows: what each is for, and how it scores.

Who uses this: the assembly of a result, and the baseline at other learning rates. What a refit
gives for test rows is asked for in `scored_rows` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.log_losses import log_losses
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.results.goal import GOAL
from shrinkage.paths.results.loading import load_arrays
from shrinkage.paths.results.records import ROLES, ChosenModel
from shrinkage.paths.results.score_figures import ScoredRows, has_short_form, score_intervals
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.settings import Settings
from shrinkage.pytorch.copies import deep_copy


@dataclass(frozen=True)
class Refit:
    """The models that were trained on all training rows: their settings, and their outcome."""

    settings: Settings
    outcome: UnitOutcome

    def position(self, settings: Settings) -> int:
        """Return where the model of these settings, one row, is."""
        return self.settings.rows.index(settings.rows[0])


@dataclass(frozen=True)
class RefitRow:
    """A name in the weights file, the settings behind it (one row), and its place in the path."""

    settings: Settings
    index: int | None
    cv_score: float
    cv_log_loss: float

    @property
    def strength(self) -> float:
        """Return the strength of the settings."""
        return self.settings.rows[0][0]


def roles_of(
    validation: CrossValidation, choice: Choice, refit: Refit, goal: int | None = None
) -> dict[str, RefitRow]:
    """Return what is behind each name in the weights file; every strength where all are there.

    `goal` is the place of the model that a goal chose.
    """

    def row(source: CrossValidation, place: int, index: int | None) -> RefitRow:
        loss = float("nan") if source.log_loss is None else float(source.log_loss[place].mean())
        return RefitRow(source.settings.take([place]), index, float(source.mean[place]), loss)

    def at(index: int) -> RefitRow:
        return row(validation, index, index)

    assert validation.unregularized is not None
    roles = {
        "best": at(choice.best),
        "one_standard_error": at(choice.one_standard_error),
        "unregularized": row(validation.unregularized, 0, None),
    }
    if goal is not None:
        roles[GOAL] = at(goal)
    if set(validation.settings.rows) <= set(refit.settings.rows):
        roles |= {f"strength_{index}": at(index) for index in range(len(validation.settings))}
    return roles


def chosen_models(
    plan: Plan, roles: Mapping[str, RefitRow], refit: Refit
) -> tuple[ChosenModel, ...]:
    """Return the figures of the models that have a role, with those of the test rows."""
    scorer, counts = plan.problem.scorer, refit.outcome.named("nonzero")
    nonzero = np.sum(list(counts.values()), axis=0)
    weights = refit.outcome.named("weights")
    total = sum(int(np.prod(weights[name].shape[1:])) for name in counts)
    module = deep_copy(plan.module).cpu().eval()
    names = (*ROLES, *(name for name in (GOAL,) if name in roles))
    places = {name: refit.position(roles[name].settings) for name in names}
    scored = {name: scored_rows(plan, refit, place, module) for name, place in places.items()}
    rows, outputs = scored["best"], np.stack([own.outputs for own in scored.values()])
    losses = log_losses(outputs, rows.raw_target, rows.weight, rows.encoding)
    scores, short = np.full(len(names), np.nan), False
    if len(rows.raw_target):
        scores = scorer.score(outputs, rows.raw_target, rows.weight, rows.encoding)
        short = has_short_form(scorer, rows)
    wanted = [
        name
        for name, score in zip(names, scores, strict=True)
        if np.isfinite(score) and (short or name in ("best", GOAL))
    ]
    found = score_intervals(scorer, [scored[name] for name in wanted], plan.options.seed)
    intervals = dict(zip(wanted, found, strict=True))
    return tuple(
        ChosenModel(
            role=name,
            index=roles[name].index,
            strength=roles[name].strength,
            cv_score=finite(roles[name].cv_score),
            test_score=finite(score),
            nonzero=int(nonzero[places[name]]),
            total_weights=total,
            test_interval=intervals.get(name),
            cv_log_loss=finite(roles[name].cv_log_loss),
            test_log_loss=finite(loss),
        )
        for name, score, loss in zip(names, scores, losses, strict=True)
    )


def scored_rows(
    plan: Plan, refit: Refit, position: int, module: nn.Module | None = None
) -> ScoredRows:
    """Return a refitted model's outputs for the test rows: the one use of the test rows.

    Its weights are put into `module`, a copy of the plan's, or into one that is made for them.
    """
    if module is None:
        module = deep_copy(plan.module).cpu().eval()
    preparation = plan.preparation
    rows, split = preparation.test_rows, preparation.split
    arrays = refit.outcome.named("weights")
    load_arrays(module, {name: value[position] for name, value in arrays.items()})
    outputs = np.zeros((plan.problem.n_outputs, 0))
    if len(rows.y):  # some networks cannot be called with none
        with torch.no_grad():
            outputs = module(torch.from_numpy(preparation.test_inputs)).t().numpy()
    groups = preparation.data.groups
    held = None if groups is None or not len(split.test) else groups[split.test]
    return ScoredRows(outputs, rows.y, rows.weight, held, preparation.target)


def finite(value: float) -> float | None:
    """Return a number, or None where it is none."""
    return float(value) if np.isfinite(value) else None
