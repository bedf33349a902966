"""From a direction to the two runs that have to end with the same weights."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np

from shrinkage.conventions import Holds, convert
from shrinkage.conventions.base import Convention, DataLoss, Penalises, TrainedBy
from tests.conventions.directions import Direction
from tests.conventions.libraries import IN_PROCESS
from tests.conventions.problem import COLUMNS, LEARNING_RATE, run_of

# Adam divides by √v̂ + ε: with ε = 1 it also stands still where the gradient only nearly vanishes.
STILL = {"epsilon": 1.0}


def plan(direction: Direction) -> tuple[Any, Any]:
    """Return two runs (or weights that are known already) for the two numbers of a conversion.

    Where steps have to agree, both libraries step from one start. Where only the stationary points
    have to, one is fitted and the other must stay there, or both are fitted.
    """
    source, target = direction.source, direction.target
    answer = convert(direction.number, source.name, target.name, **direction.context)
    given_share = direction.context.get("l1_ratio")
    facts = {
        "loss": direction.loss,
        "rows": 1 if direction.one_sample and answer.holds is not Holds.STATIONARY else 12,
        "optimizer": _optimizer(source, target),
    }
    rates = (LEARNING_RATE, LEARNING_RATE * answer.learning_rate_factor)
    share = answer.l1_ratio if target.penalises is Penalises.MIXED else None
    first, second = (
        run_of(
            convention.name, number, l1_ratio=ratio, learning_rate=rate, **{**facts, "loss": loss}
        )
        for convention, number, ratio, loss, rate in (
            (source, direction.number, given_share, _loss(source, direction), rates[0]),
            (target, answer.value, share, _loss(target, direction), rates[1]),
        )
    )
    first["update_scale"] = second["update_scale"] = _update_scale(source, target)
    if answer.holds is not Holds.STATIONARY:
        return first, second
    return _stationary(first, second, source.trainer, target.trainer)


def _optimizer(source: Convention, target: Convention) -> str:
    """Return what steps where a convention leaves the optimizer open."""
    named = {source.trainer, target.trainer} & {TrainedBy.ADAM, TrainedBy.MUON}
    return named.pop().value.lower() if named else "sgd"


def _update_scale(source: Convention, target: Convention) -> float:
    """Return the scale of the update of the one that has one, of a matrix with one output."""
    scales = [source.update_scale, target.update_scale]
    sides = {"fan_in": COLUMNS, "larger_side": COLUMNS}
    return next((item.evaluated(sides) for item in scales if item.powers), 1.0)


def _loss(convention: Convention, direction: Direction) -> str:
    """Return the data loss: only where the user chooses it can it lack its half."""
    own = convention.data_loss is not DataLoss.FREE
    return "half" if own and direction.loss == "squared" else direction.loss


def _stationary(first: Any, second: Any, start: TrainedBy, end: TrainedBy) -> tuple[Any, Any]:
    fitted = {TrainedBy.FITTED: 2, TrainedBy.ADAM: 1}
    ranks = fitted.get(start, 0), fitted.get(end, 0)
    if ranks == (2, 2):
        return first, second
    anchor, other = (first, second) if ranks[0] >= ranks[1] else (second, first)
    weights = _optimum(anchor)
    assert np.abs(weights).min() > 0.01, "L1 left a zero, at which a step cannot be judged"
    return weights, {**other, "start": weights.tolist(), "optimizer": "sgd", **STILL}


def _optimum(run: dict[str, Any]) -> np.ndarray:
    if run["convention"] != "torch.adam.weight_decay":
        return _fitted(json.dumps(run))
    return _adam_optimum(run["number"], run["loss"])


@cache
def _fitted(run: str) -> np.ndarray:
    facts = json.loads(run)
    return IN_PROCESS[facts["convention"]](facts)


@cache
def _adam_optimum(number: float, loss: str) -> np.ndarray:
    steps = 2000 if loss == "logistic" else 500  # to 1e-9
    run = {**run_of("torch.adam.weight_decay", number, loss=loss, steps=steps), **STILL}
    return IN_PROCESS["torch.adam.weight_decay"](run)
