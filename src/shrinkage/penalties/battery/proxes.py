"""Promises about the prox: it is the minimizer, in every metric, with clean zeros."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from shrinkage.penalties.battery.subject import STEP, Subject


def _objective(subject: Subject, u: np.ndarray, w: np.ndarray, step: Any) -> float:
    return float(np.sum((u - w) ** 2 / (2 * step)) + subject.value(u))


def _rivals(u: np.ndarray, w: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield points that must not beat the prox u: far ones, and near ones in many directions."""
    yield from (2 * u - w, rng.standard_normal(w.shape))
    yield from (fraction * w for fraction in np.linspace(0.0, 1.0, 41))
    for scale in (1e-1, 1e-3):
        yield from (u * (1 - scale), u * (1 + scale), u + scale * (w - u), u - scale * (w - u))
        for _ in range(6):
            yield u + scale * rng.standard_normal(w.shape)
        for index in np.ndindex(w.shape):
            for sign in (-1.0, 1.0):
                rival = u.copy()
                rival[index] += sign * scale
                yield rival


def _expect_minimum(
    subject: Subject, w: np.ndarray, step: Any, rng: np.random.Generator, sharply: bool
) -> None:
    """Expect F(u) <= F(v) for all rivals v, or F(u) + ‖v − u‖²/(2 step) <= F(v) if `sharply`."""
    u = subject.prox(w, step)
    subject.expect(u.shape == w.shape, "the shape of the prox", w.shape, u.shape)
    objective = _objective(subject, u, w, step)
    for rival in _rivals(u, w, rng):
        bound = _objective(subject, rival, w, step)
        tolerance = (1e-11 if sharply else 1e-12) * (1 + abs(bound))
        if sharply:
            bound -= float(np.sum((rival - u) ** 2 / (2 * step)))
        subject.expect(
            objective <= bound + tolerance,
            "the objective of the prox",
            f"at most {bound}",
            objective,
            w=w,
            step=step,
            prox=u,
            rival=rival,
        )


def prox_minimum(subject: Subject) -> None:
    """The prox is no worse than any rival on its own objective (convex or not)."""
    rng = subject.rng()
    for step in (STEP, 10 * STEP):
        _expect_minimum(subject, subject.weights(rng), step, rng, sharply=False)


def prox_three_points(subject: Subject) -> None:
    """F(u) + ‖v − u‖²/(2 step) <= F(v) for all v: the prox of a convex penalty, sharply."""
    rng = subject.rng()
    for step in (STEP, 10 * STEP):
        _expect_minimum(subject, subject.weights(rng), step, rng, sharply=True)


def prox_diagonal_metric(subject: Subject) -> None:
    """The same with one step per weight, over a factor of a thousand; sharply where convex."""
    rng = subject.rng()
    for middle in (0.1, STEP, 1.0):
        step = middle * 10 ** rng.uniform(-1.5, 1.5, subject.shape)
        _expect_minimum(subject, subject.weights(rng), step, rng, sharply=subject.penalty.convex)


def prox_global_minimum(subject: Subject) -> None:
    """No weight of a separable penalty has a better value on a dense grid, in either metric."""
    rng, lift = subject.rng(), (1,) * (len(subject.shape) - 1)
    size = np.geomspace(0.01, 30.0, 40) * rng.uniform(0.9, 1.1, 40)
    w = size * rng.choice([-1.0, 1.0], 40)
    fine = np.geomspace(1e-4, 33.0, 1500)
    grid = np.unique(np.concatenate([-fine, [0.0], fine, w]))
    at_grid = subject.value(grid.reshape(-1, 1, *lift), stacked=1)
    for step in (0.03, STEP, 3.0, 30.0, 10 ** rng.uniform(-2, 2, 40)):
        per_weight = step if np.ndim(step) == 0 else np.reshape(step, (-1, *lift))
        u = subject.prox(w.reshape(-1, *lift), per_weight).reshape(-1)
        steps = np.broadcast_to(step, w.shape)
        objective = (u - w) ** 2 / (2 * steps) + subject.value(u.reshape(-1, 1, *lift), stacked=1)
        dense = (grid - w[:, None]) ** 2 / (2 * steps[:, None]) + at_grid
        for i, best in enumerate(np.argmin(dense, axis=1)):
            subject.expect(
                objective[i] <= dense[i, best] + 1e-12 * (1 + dense[i, best]),
                "the prox of one weight",
                f"{grid[best]}, of objective {dense[i, best]}",
                f"{u[i]}, of objective {objective[i]}",
                w=w[i],
                step=steps[i],
            )


def prox_single_valued(subject: Subject) -> None:
    """The prox of one weight moves steadily up to `longest_step`, and jumps at a step beyond it."""
    lift = (1,) * (len(subject.shape) - 1)
    longest = float(subject.penalty.longest_step())
    w = np.linspace(0.0, 12.0 if longest == math.inf else 12.0 + 3 * longest, 6001)
    gap = w[1] - w[0]
    steps = [part * longest for part in (0.3, 0.9)] if 0 < longest < math.inf else []
    for step in steps or ([STEP, 10 * STEP] if longest else []):
        moved = np.diff(subject.prox(w.reshape(-1, *lift), step).reshape(-1))
        most = gap / (1 - step / longest)
        what = f"how far the prox moves where a weight moves by {gap}, at step {step}"
        subject.expect(moved.max() <= most * (1 + 1e-6), what, f"at most {most}", moved.max())
    if longest < math.inf:
        step = max(2 * longest, STEP)
        jump = np.diff(subject.prox(w.reshape(-1, *lift), step).reshape(-1)).max()
        what = f"the largest jump of the prox at step {step}, above longest_step"
        subject.expect(jump > 10 * gap, what, f"more than {10 * gap}", jump)


def prox_is_projection(subject: Subject) -> None:
    """That of a constraint ends in the set, leaves the set alone, and its set shrinks by strength.

    A penalty that is finite everywhere is none, nor is one with a price in its set.
    """
    if subject.penalty.finite or subject.penalty.has_price:
        return
    rng, penalty = subject.rng(), subject.penalty
    w = subject.weights(rng)
    per_weight = subject.steps(10 ** rng.uniform(-1.5, 0.5, w.shape))
    sizes = {s: dataclasses.replace(subject, penalty=penalty.at(s)) for s in (1.0, 2.0)}
    for step in (STEP, per_weight):
        for strength, own in sizes.items():
            u = own.prox(w, step)
            what = f"Ω of the prox at strength {strength}"
            subject.expect(float(own.value(u)) == 0, what, "0, in the set", own.value(u), w=w)
            subject.expect_close(own.prox(u, step), u, "the prox of what is in the set", 1e-9)
            short = own.prox(w, 1e-3 * np.asarray(step))
            subject.expect_close(short, u, "the prox at a step that is 1000 times shorter", 1e-9)
        one = sizes[2.0]
        u = one.prox(w, step)
        objective = _objective(one, u, w, step)
        for gone, back in itertools.product(np.flatnonzero(u), np.flatnonzero(u == 0)):
            rival = u.copy()
            rival.flat[gone], rival.flat[back] = 0.0, w.flat[back]
            bound = _objective(one, rival, w, step)
            what = "the objective of the prox, against another weight in the place of one"
            holds = objective <= bound + 1e-12 * (1 + bound)
            subject.expect(holds, what, f"at most {bound}", objective, w=w, step=step, rival=rival)
        weaker = float(sizes[1.0].value(sizes[2.0].prox(w, step)))
        subject.expect(weaker == 0, "Ω at strength 1 in the set of strength 2", 0, weaker)


def prox_zeros_are_positive(subject: Subject) -> None:
    """Every exact zero that a prox returns is +0.0."""
    rng = subject.rng()
    w = subject.weights(rng)
    w.flat[0] = -0.0
    for step in (STEP, 1e3, math.inf, subject.steps(10 ** rng.uniform(-1, 3, subject.shape))):
        u = subject.prox(w, step)
        negative = (u == 0) & np.signbit(u)
        subject.expect(not negative.any(), "the prox", "zeros of +0.0", u, w=w, step=step)


def prox_step_zero(subject: Subject) -> None:
    """Where the step is 0 the weights come back bit for bit, −0.0 and infinities included."""
    rng = subject.rng()
    w = subject.weights(rng, 3)
    w[:, *(0,) * len(subject.shape)] = -0.0
    w[1].flat[-1] = math.inf
    subject.expect_bits(subject.prox(w[0], 0.0), w[0], "step 0.0")
    subject.expect_bits(subject.prox(w, np.zeros(3), 1), w, "a step of 0 for each model")
    mixed = subject.prox(w, np.array([STEP, 0.0, STEP]), 1)
    subject.expect_bits(mixed[1], w[1], "a step of 0 for the second of three models")
    if not subject.penalty.diagonal:
        return
    step = np.full(subject.shape, STEP)
    step.flat[0] = 0.0
    first = subject.prox(w[0], step).flat[:1]
    subject.expect_bits(first, w[0].flat[:1], "a step of 0 for the first weight")
