"""A penalty along a step that asks for gradients at several weights: is it in each of them?

Who uses this: `measuring`. The step is taken once more without the terms, led along the way of the
one with them, so that at each place the two gradients differ by the penalty alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from shrinkage.audits.intended import Intended
from shrinkage.audits.measuring import Measured, Pair, measure
from shrinkage.pytorch.audits.places import Place
from shrinkage.pytorch.audits.runs import Runs
from shrinkage.pytorch.audits.watch import Watch


def along_the_way(
    runs: Runs,
    scale: float,
    watch: Watch,
    intended: Mapping[str, Intended],
    measured: Mapping[str, Measured],
) -> dict[str, Measured]:
    """Return what was measured, gradients compared at the places where they were made.

    Args:
        runs: of the step; the twin stands elsewhere afterwards.
        scale: of the run.
        watch: of the run.
        intended: by parameter.
        measured: by parameter, gradients compared wherever they were made.
    """
    led = runs.led_by(watch)
    found = dict(measured)
    for name, meant in intended.items():
        ours, theirs = watch.places.of(name), led.places.of(name)
        pairs = list(zip(ours, theirs, strict=False))
        if len(pairs) < 2 or not all(_is_one_place(*pair) for pair in pairs):
            continue
        if runs.goes_upwards(name):
            continue
        joining = runs.joining(name, watch)
        seen = [_seen(*pair, meant, scale, watch.loss_scale, joining) for pair in pairs]
        moving = [one for one, place in zip(seen, ours, strict=False) if place.by_step]
        needed = _needed(seen, moving or seen[-1:])
        told = next((one for one in needed if _has(one)), needed[-1])
        fits = tuple(one.gradient for one in needed if one.gradient is not None)
        own = replace(measured[name], gradient=told.gradient, loop=told.loop, along=fits)
        found[name] = own if watch.replayable or not _has(told) else replace(own, changes={})
    return found


def _needed(seen: Sequence[Measured], moving: Sequence[Measured]) -> tuple[Measured, ...]:
    """Return the gradients that a penalty has to be in: those by which the weights move.

    Where it is in none of them, the first one that has it tells so.
    """
    elsewhere = [] if any(map(_has, moving)) else [one for one in seen if _has(one)]
    return (*elsewhere[:1], *moving)


def _has(seen: Measured) -> bool:
    return seen.gradient is not None and seen.gradient.present


def _is_one_place(first: Place, second: Place) -> bool:
    return torch.equal(first.weights, second.weights)


def _seen(
    own: Place,
    data: Place,
    meant: Intended,
    scale: float,
    loss_scale: float,
    joining: tuple[float, float],
) -> Measured:
    w, eps = own.weights, torch.finfo(own.gradient.dtype).eps
    gradients = (data.gradient / loss_scale, own.gradient / loss_scale)
    return measure(Pair(w, w, w, *gradients, eps, eps, *joining), meant.expectation, 0.0, scale)
