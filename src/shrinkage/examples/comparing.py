"""L1, L2, elastic net and dropout on one split of a data set, each with the same number of fits.

Who uses this: `l1_vs_l2` and `dropout`. A split has training, validation and test rows; a setting
is chosen on the validation rows, and the test rows are looked at once, with that setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shrinkage.datasets import Dataset
from shrinkage.datasets.dataset import RawRows, take_rows
from shrinkage.paths import fit_path
from shrinkage.paths.results import ChosenModel
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.penalties import L1, L2, ElasticNet, Penalty

PENALTIES: Mapping[str, Penalty] = {"L1": L1(), "L2": L2(), "elastic net": ElasticNet(0.5)}
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2)
RATES = (0.1, 0.2, 0.35, 0.5)
NONE, DROPOUT = "none", "dropout"
METHODS = (NONE, *PENALTIES, DROPOUT)
HIDDEN = 32
# A path has at least two strengths, and trains strength 0 beside them: with dropout and without a
# penalty. The two are as small as can be, and are not looked at.
UNUSED = (1e-12, 1e-11)

Pair = tuple[RawRows, np.ndarray]


@dataclass(frozen=True, eq=False)
class Split:
    """Rows and targets of one split."""

    train: Pair
    validation: Pair
    test: Pair

    @classmethod
    def drawn(cls, data: Dataset, seed: int, most: int) -> Split:
        """Return three fifths of the rows, `most` of them, and twice a fifth; groups kept whole.

        Few training rows, so that there is something to regularize, and many to judge on.
        """
        groups = np.arange(data.n_samples) if data.groups is None else data.groups
        generator = np.random.default_rng(seed)
        names = generator.permutation(np.unique(groups))
        ends = [round(0.6 * len(names)), round(0.8 * len(names)), len(names)]
        pairs = []
        for first, last in zip((0, *ends), ends, strict=False):
            rows = np.flatnonzero(np.isin(groups, names[first:last]))
            rows = generator.permutation(rows)[: None if first else most]
            pairs.append((take_rows(data.X, rows), data.y[rows]))
        return cls(*pairs)


@dataclass(frozen=True)
class Method:
    """How a method did on a split: what validation chose, and the look at the test rows."""

    setting: float
    validation: float
    test: float
    zeros: float


def compared(data: Dataset, split: Split, *, epochs: int, seed: int) -> dict[str, Method]:
    """Return how each method does on a split, and the network without any."""
    found: dict[str, Method] = {}
    for name in PENALTIES:
        found[name], found[NONE] = penalised(data, split, name, epochs=epochs, seed=seed)
    rates = dropout_rates(data, split, epochs=epochs, seed=seed)
    found[DROPOUT] = max(rates, key=lambda method: method.validation)
    return {name: found[name] for name in METHODS}


def penalised(
    data: Dataset, split: Split, name: str, *, epochs: int, seed: int
) -> tuple[Method, Method]:
    """Return how the best strength of a penalty does, and the network without one."""
    model = f"mlp:{HIDDEN}"
    path = _path(data, split, model, PENALTIES[name], STRENGTHS, epochs, seed)
    return _method(path.best, path.best.strength), _method(path.unregularized, 0.0)


def dropout_rates(data: Dataset, split: Split, *, epochs: int, seed: int) -> list[Method]:
    """Return how dropout does at each rate."""
    found = []
    for rate in RATES:
        model = f"mlp:{HIDDEN};dropout={rate}"
        path = _path(data, split, model, L2(), UNUSED, epochs, seed)
        found.append(_method(path.unregularized, rate))
    return found


def _path(
    data: Dataset,
    split: Split,
    model: str,
    penalty: Penalty,
    strengths: tuple[float, ...],
    epochs: int,
    seed: int,
) -> FittedPath:
    return fit_path(
        model,
        *split.train,
        task=data.task,
        penalty=penalty,
        strengths=strengths,
        validation=split.validation,
        test=split.test,
        epochs=epochs,
        batch_size=64,
        seed=seed,
        progress=False,
    )


def _method(model: ChosenModel, setting: float) -> Method:
    validation, test = (
        float("nan") if score is None else score for score in (model.cv_score, model.test_score)
    )
    return Method(setting, validation, test, model.zero_fraction)
