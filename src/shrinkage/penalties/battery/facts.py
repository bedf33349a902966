"""Promises of what a penalty says of itself: smooth, convex, separable, how it combines."""

from __future__ import annotations

import numpy as np

from shrinkage.penalties.base import Combination
from shrinkage.penalties.battery.subject import STEP, Subject
from shrinkage.penalties.l1 import L1
from shrinkage.penalties.l2 import L2


def smooth_flag(subject: Subject) -> None:
    """A penalty that calls itself smooth has a derivative at points with zeros."""
    rng, h = subject.rng(), 1e-6
    for w in subject.points_with_zeros(rng):
        d = rng.standard_normal(w.shape)
        ahead, behind = float(subject.value(w + h * d)), float(subject.value(w - h * d))
        bend = (ahead + behind - 2 * float(subject.value(w))) / h
        what = "the derivative ahead less that behind"
        most = 1e-4 * (1 + np.linalg.norm(subject.gradient(w)))  # a steep one is more curved, too
        subject.expect(abs(bend) <= most, what, "0 of a smooth penalty", bend, w=w, d=d)


def convex_flag(subject: Subject) -> None:
    """A penalty that calls itself convex has a monotone gradient: (∂Ω(v) − ∂Ω(w))·(v − w) >= 0."""
    rng = subject.rng()
    for scale in (1e-2, 1.0, 10.0):
        for _ in range(10):
            w = 10 ** rng.uniform(-1, 1) * subject.weights(rng)
            v = w + scale * rng.standard_normal(w.shape)
            growth = float(np.sum((subject.gradient(v) - subject.gradient(w)) * (v - w)))
            what = "(∂Ω(v) − ∂Ω(w))·(v − w)"
            subject.expect(
                growth >= -1e-12, what, "at least 0 of a convex penalty", growth, v=v, w=w
            )


def separable_flag(subject: Subject) -> None:
    """A penalty that calls itself separable is the sum over single weights, and so is its prox."""
    w = subject.weights(subject.rng())
    alone = w.reshape(-1, *(1,) * w.ndim)  # one model a weight
    total = np.sum(subject.value(alone, 1))
    subject.expect_close(subject.value(w), total, "Ω, as the sum over single weights")
    together = subject.prox(w, STEP).reshape(alone.shape)
    subject.expect_close(together, subject.prox(alone, STEP, 1), "the prox of each weight alone")


def combines_flag(subject: Subject) -> None:
    """A ridge is ½Σw², a threshold Σ|w|, and the prox of a group may follow a threshold's."""
    rng, combines = subject.rng(), subject.penalty.combines
    w = subject.weights(rng)
    like = {Combination.RIDGE: L2(), Combination.THRESHOLD: L1()}.get(combines)
    if like is not None:
        subject.expect_close(subject.value(w), like.value(w), f"Ω of a {combines.name.lower()}")
        subject.expect_close(
            subject.prox(w, STEP), like.prox(w, STEP), f"the prox of a {combines.name.lower()}"
        )
    if combines is not Combination.GROUP:
        return
    step = STEP * 10 ** rng.uniform(-1, 1, w.shape)
    u = subject.prox(L1().prox(w, step), step)

    def objective(x: np.ndarray) -> float:
        return float(np.sum((x - w) ** 2 / (2 * step)) + subject.value(x) + L1().value(x))

    for _ in range(40):
        rival = u + 10 ** rng.uniform(-3, 0) * rng.standard_normal(w.shape)
        sharper = float(np.sum((rival - u) ** 2 / (2 * step))) if subject.penalty.convex else 0.0
        bound = objective(rival) - sharper
        what = "the objective with Σ|w|, of the prox after a threshold"
        holds = objective(u) <= bound + 1e-11 * (1 + abs(bound))
        subject.expect(holds, what, f"at most {bound}", objective(u), w=w, step=step, rival=rival)
