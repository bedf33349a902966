"""The models that were trained on all training rows: what each is for, and how it scores.

Who uses this: the assembly of a result, and the baseline at other learning rates. What a refit
gives for test rows is asked for in `scored_rows` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.log_losses import log_losses
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.results.goal import GOAL
from shrinkage.paths.results.loading import load_arrays
from shrinkage.paths.results.mean import MEAN, MeanOf, mean_arrays
from shrinkage.paths.results.records import ROLES, ChosenModel
from shrinkage.paths.results.score_figures import ScoredRows, has_short_form, score_intervals
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import Plan
from shrinkage.paths.settings import Settings, StrengthRow
from shrinkage.pytorch.copies import deep_copy


@dataclass(frozen=True)
class Refit:
    """The models that were trained on all training rows: their settings, and their outcome.

    `members` are the further networks of the best strength, from seeds of their own; `starts` says
    how often a model was started that had collapsed from its first seed, and not in most folds.
    """

    settings: Settings
    outcome: UnitOutcome
    members: tuple[UnitOutcome, ...] = ()
    starts: Mapping[StrengthRow, int] = field(default_factory=dict)

    @property
    def models(self) -> int:
        """Return how many there are."""
        again = sum(count - 1 for count in self.starts.values())
        return len(self.settings) + len(self.members) + again

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
    """Return the figures of the models that have a role, with those of the test rows.

    Those of several networks together are of the test rows alone: in the folds there is one.
    """
    scorer, counts = plan.problem.scorer, refit.outcome.named("nonzero")
    nonzero = np.sum(list(counts.values()), axis=0)
    weights = refit.outcome.named("weights")
    total = sum(int(np.prod(weights[name].shape[1:])) for name in counts)
    module = deep_copy(plan.module).cpu().eval()
    told = {name: roles[name] for name in (*ROLES, GOAL) if name in roles}
    places = {name: refit.position(role.settings) for name, role in told.items()}
    scored = {name: scored_rows(plan, refit, place, module) for name, place in places.items()}
    sizes = {name: (int(nonzero[place]), total) for name, place in places.items()}
    if refit.members:
        best = told[MEAN] = replace(roles["best"], cv_score=float("nan"), cv_log_loss=float("nan"))
        scored[MEAN] = _scored(plan, _mean_of(plan, refit, best))
        further = [c.sum() for own in refit.members for c in own.named("nonzero").values()]
        sizes[MEAN] = sizes["best"][0] + int(sum(further)), total * (1 + len(refit.members))
    rows, outputs = scored["best"], np.stack([own.outputs for own in scored.values()])
    losses = log_losses(outputs, rows.raw_target, rows.weight, rows.encoding)
    scores, short = np.full(len(told), np.nan), False
    if len(rows.raw_target):
        scores = scorer.score(outputs, rows.raw_target, rows.weight, rows.encoding)
        short = has_short_form(scorer, rows)
    wanted = [
        name
        for name, score in zip(told, scores, strict=True)
        if np.isfinite(score) and (short or name in ("best", GOAL, MEAN))
    ]
    found = score_intervals(scorer, [scored[name] for name in wanted], plan.options.seed)
    intervals = dict(zip(wanted, found, strict=True))
    return tuple(
        ChosenModel(
            role=name,
            index=role.index,
            strength=role.strength,
            cv_score=finite(role.cv_score),
            test_score=finite(score),
            nonzero=sizes[name][0],
            total_weights=sizes[name][1],
            test_interval=intervals.get(name),
            cv_log_loss=finite(role.cv_log_loss),
            test_log_loss=finite(loss),
        )
        for (name, role), score, loss in zip(told.items(), scores, losses, strict=True)
    )


def weights_of(roles: Mapping[str, RefitRow], refit: Refit) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of each model, those of several networks together as `mean`."""
    arrays = refit.outcome.named("weights")

    def at(settings: Settings) -> dict[str, np.ndarray]:
        return {name: value[refit.position(settings)] for name, value in arrays.items()}

    weights = {name: at(role.settings) for name, role in roles.items()}
    if refit.members:
        others = [
            {name: value[0] for name, value in own.named("weights").items()}
            for own in refit.members
        ]
        weights[MEAN] = mean_arrays([weights["best"], *others])
    return weights


def _mean_of(plan: Plan, refit: Refit, best: RefitRow) -> nn.Module:
    """Return the networks of the best strength together."""
    module = deep_copy(plan.module).cpu()
    networks = [deep_copy(module) for _ in range(1 + len(refit.members))]
    mean = MeanOf(networks, classes=plan.preparation.data.task == "classification")
    return load_arrays(mean, weights_of({"best": best}, refit)[MEAN]).eval()


def scored_rows(
    plan: Plan, refit: Refit, position: int, module: nn.Module | None = None
) -> ScoredRows:
    """Return a refitted model's outputs for the test rows: the one use of the test rows.

    Its weights are put into `module`, a copy of the plan's, or into one that is made for them.
    """
    if module is None:
        module = deep_copy(plan.module).cpu().eval()
    arrays = refit.outcome.named("weights")
    load_arrays(module, {name: value[position] for name, value in arrays.items()})
    return _scored(plan, module)


def _scored(plan: Plan, module: nn.Module) -> ScoredRows:
    preparation = plan.preparation
    rows, split = preparation.test_rows, preparation.split
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
