"""Losses and penalties of linear models on one made table, for the tests of their solver."""

from __future__ import annotations

import numpy as np

from shrinkage.paths.engines.linear.classes import Logistic, Softmax
from shrinkage.paths.engines.linear.counts import Counts
from shrinkage.paths.engines.linear.losses import Squared
from shrinkage.paths.engines.linear.norms import Norms
from shrinkage.paths.engines.linear.side_by_side import SideBySide
from shrinkage.paths.engines.linear.times import Times

ROWS, INPUTS = 60, 12
LABELS = np.repeat(np.arange(4), 3)
KINDS = ("squared", "logistic", "softmax", "counts", "cox", "cox:efron", "numbers", "labels")
PENALTIES = ("l1", "l2", "l1 l2", "group", "group l2", "l1 group", "l1 free", "group free l2")


def table(rows: int = ROWS, inputs: int = INPUTS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, inputs)) + 0.5 * random.normal(size=(rows, 1))
    outputs = x[:, :4] @ random.normal(size=(4, 3)) + 0.5 * random.normal(size=(rows, 3))
    share = random.uniform(0.5, 1.5, rows)
    return x, outputs, share / share.sum()


def loss_of(kind: str, rows: int = ROWS, inputs: int = INPUTS):
    return loss_on(kind, *table(rows, inputs))


def loss_on(kind: str, x: np.ndarray, outputs: np.ndarray, share: np.ndarray):
    random, first = np.random.default_rng(1), outputs[:, 0]
    if kind == "squared":
        return Squared(x, first, share)
    if kind == "logistic":
        return Logistic(x, (first > 0).astype(int), share)
    if kind == "softmax":
        return Softmax(x, outputs.argmax(axis=1), share, 3)
    if kind == "numbers":
        return SideBySide([Squared(x, own, share) for own in outputs.T])
    if kind == "labels":
        return SideBySide([Logistic(x, (own > 0).astype(int), share) for own in outputs.T])
    if kind == "counts":
        return Counts(x, random.poisson(np.exp(0.3 * first)).astype(float), share)
    times = np.ceil(8 * random.exponential(np.exp(-0.5 * first)))  # many are equal
    seen = random.random(len(x)) < 0.7
    return Times(x, np.where(seen, times, -times), share, efron=kind.endswith("efron"))


def norms_of(words: str, outputs: int, inputs: int = INPUTS, strength: float = 0.02) -> Norms:
    free = np.zeros(inputs, dtype=bool)
    free[1] = "free" in words
    labels = np.broadcast_to(np.arange(inputs) // 3, (outputs, inputs))
    labels = np.where(free, -1, labels) if "group" in words else None
    alpha, beta, gamma = (strength * (word in words) for word in ("l1", "l2", "group"))
    return Norms(alpha, beta, gamma, labels, free)
