"""The default recipe: how long, in which batches, and with which learning rate a model trains.

Who uses this: the stacked and the sequential engine, so that both walk through the same rows in
the same order with the same learning rates. Everything random follows from a seed and an epoch,
never from what ran before: a run that goes on after a kill meets the same batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np

TARGET_STEPS = 2000
LEAST_EPOCHS, MOST_EPOCHS = 5, 200
LEARNING_RATE = 4e-3
BATCH_SIZE = 128
WARM_UP = 0.05


@dataclass(frozen=True)
class Recipe:
    """Adam for `epochs` epochs; the learning rate warms up linearly and decays along a cosine.

    With T steps in all, step t (from 0) has the learning rate `learning_rate · (t + 1)/W` in the
    first W = ⌈0.05·T⌉ steps and `learning_rate · ½(1 + cos(π (t − W)/(T − W)))` after them
    (Loshchilov and Hutter 2017, SGDR, equation 5, without restarts).

    Args:
        epochs: passes over the training rows.
        batch_size: rows a step, or all rows where they are fewer; the rows left over at the end of
            an epoch are skipped.
        learning_rate: the largest learning rate of Adam.
        optimizer: makes another optimizer of a list of parameters; the schedule multiplies the
            learning rates that it was made with.
        augment: maps the inputs of a batch to others, in training.

    >>> recipe = Recipe(epochs=2, batch_size=4, learning_rate=0.1)
    >>> recipe.steps(rows=10)
    4
    >>> round(recipe.learning_rate_at(0, total=4), 3), round(recipe.learning_rate_at(3, total=4), 3)
    (0.1, 0.025)
    """

    epochs: int
    batch_size: int = BATCH_SIZE
    learning_rate: float = LEARNING_RATE
    optimizer: Callable[..., Any] | None = None
    augment: Callable[..., Any] | None = None

    def steps_per_epoch(self, rows: int) -> int:
        """Return the number of full batches in `rows` rows, at least one."""
        return max(1, rows // self.batch_size)

    def steps(self, rows: int) -> int:
        """Return the number of steps of a whole training on `rows` rows."""
        return self.epochs * self.steps_per_epoch(rows)

    @property
    def is_plain(self) -> bool:
        """Return whether nothing of the user's own is in it."""
        return self.optimizer is None and self.augment is None

    def learning_rate_at(self, step: int, total: int, largest: float | None = None) -> float:
        """Return the learning rate of a step counted from 0, of `total` steps.

        Args:
            step: which.
            total: of how many.
            largest: of the schedule; None: that of the recipe.
        """
        rate = self.learning_rate if largest is None else largest
        warm_up = max(1, math.ceil(WARM_UP * total))
        if step < warm_up:
            return rate * (step + 1) / warm_up
        done = (step - warm_up) / max(1, total - warm_up)
        return rate * 0.5 * (1.0 + math.cos(math.pi * done))

    def batches(self, rows: int, seed: int, epoch: int) -> np.ndarray:
        """Return the positions (into the training rows) of each batch of an epoch, (steps, size).

        A batch of all rows has them in their own order: no other says anything new.
        """
        if rows <= self.batch_size:
            return np.arange(rows)[None]
        order = np.random.default_rng((seed, epoch)).permutation(rows)
        return order[: self.steps_per_epoch(rows) * self.batch_size].reshape(-1, self.batch_size)


class Batches:
    """The batches of a training, one epoch after the other.

    Args:
        recipe: says how large they are.
        rows: how many there are to train on.
        seed: of their order.
    """

    def __init__(self, recipe: Recipe, rows: int, seed: int) -> None:
        self._epochs = (recipe.batches(rows, seed, epoch) for epoch in count())
        self._left = next(self._epochs)

    def take(self, steps: int) -> np.ndarray:
        """Return the positions of the next batches, (steps, size)."""
        while len(self._left) < steps:
            self._left = np.concatenate([self._left, next(self._epochs)])
        taken, self._left = self._left[:steps], self._left[steps:]
        return np.ascontiguousarray(taken)


@lru_cache(4)
def shares_of(total: int) -> np.ndarray:
    """Return which share of the largest learning rate each of so many steps takes, (total,)."""
    recipe = Recipe(epochs=1, learning_rate=1.0)
    return np.array([recipe.learning_rate_at(step, total) for step in range(total)])


def default_epochs(rows: int, batch_size: int) -> int:
    """Return the epochs that make about 2,000 steps, between 5 and 200.

    Under two batches of rows an epoch is one step, so that 200 epochs are 200 steps.

    >>> default_epochs(48_000, 128), default_epochs(1_150, 128), default_epochs(200, 128)
    (5, 200, 200)
    """
    steps = max(1, rows // batch_size)
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, round(TARGET_STEPS / steps)))


def derived_seed(seed: int, *labels: int) -> int:
    """Return a 63-bit seed that depends on `seed` and the labels, and on nothing else.

    >>> derived_seed(0, 1) == derived_seed(0, 1), derived_seed(0, 1) == derived_seed(0, 2)
    (True, False)
    """
    words = np.random.SeedSequence([seed, *labels]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))
