"""The tables and penalties of `linear_vs_peers.py`, and what the solver sees of them."""

# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.preprocessing import StandardScaler

from shrinkage import L1, L2, GroupLasso
from shrinkage import ElasticNet as ElasticNetPenalty
from shrinkage.datasets import shared_folder
from shrinkage.paths.engines.linear.classes import Logistic, Softmax
from shrinkage.paths.engines.linear.family import Family
from shrinkage.paths.engines.linear.losses import Squared
from shrinkage.paths.engines.linear.norms import Norms

FOLDS, COUNT = 5, 20
PENALTIES = {"L1": L1(), "L2": L2(), "elastic net": ElasticNetPenalty(0.5), "group": GroupLasso()}
Table = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Cell:
    """Standardized rows and a penalty; `size`: of a group of neighbouring columns."""

    table: str
    penalty: str
    x: np.ndarray
    y: np.ndarray
    classes: int
    strengths: np.ndarray
    folds: np.ndarray
    size: int = 5

    @property
    def name(self) -> str:
        """Return the words for it."""
        return f"{self.table}, {self.penalty}"


def numbers(rows: int, columns: int) -> Callable[[], Table]:
    """Return a maker of numbers, of which 20 columns matter."""

    def make() -> Table:
        random = np.random.default_rng(0)
        x = random.normal(size=(rows, columns))
        weights = np.zeros(columns)
        weights[:20] = random.normal(size=20)
        return x, x @ weights + random.normal(size=rows)

    return make


def labels(rows: int, columns: int, classes: int) -> Callable[[], Table]:
    """Return a maker of classes whose centres differ in 20 columns."""

    def make() -> Table:
        random = np.random.default_rng(0)
        y = random.integers(0, classes, rows)
        centres = np.zeros((classes, columns))
        centres[:, :20] = random.normal(size=(classes, 20))
        return random.normal(size=(rows, columns)) + centres[y], y

    return make


def mice() -> Table:
    """Return the proteins of mice, medians for what is missing."""
    import pandas as pd

    folder = shared_folder("mice")
    if folder is None:
        raise FileNotFoundError("no mice here: set SHRINKAGE_SHARED_DATA to the folder of mice/")
    frame = pd.read_csv(folder / "Data_Cortex_Nuclear.csv")
    x = frame.iloc[:, 1:78].astype(float)
    return x.fillna(x.median()).to_numpy(), np.unique(frame["class"], return_inverse=True)[1]


def diabetes() -> Table:
    """Return its numbers as such."""
    x, y = load_diabetes(return_X_y=True)
    return np.asarray(x), np.asarray(y, dtype=np.float64)


ALL = tuple(PENALTIES)
TABLES: dict[str, tuple[Callable[[], Any], tuple[str, ...], int]] = {
    "diabetes": (diabetes, ALL, COUNT),
    "breast-cancer": (lambda: load_breast_cancer(return_X_y=True), ALL, COUNT),
    "digits": (lambda: load_digits(return_X_y=True), ALL, COUNT),
    "mice": (mice, ALL, COUNT),
    "200 x 10,000": (numbers(200, 10_000), ALL, COUNT),
    "171 x 5,748, 4 classes": (labels(171, 5748, 4), ("L2",), 10),
    "62 x 2,000, 2 classes": (labels(62, 2000, 2), ("L1", "group"), COUNT),
    "73 x 325, 7 classes": (labels(73, 325, 7), ("L1",), COUNT),
    "102 x 5,966, 2 classes": (labels(102, 5966, 2), ("L1",), COUNT),
}


def cells(table: str) -> list[Cell]:
    """Return the cells of a table."""
    make, penalties, count = TABLES[table]
    x, y = make()
    x = StandardScaler().fit_transform(x[:, x.std(axis=0) > 0])
    classes = len(np.unique(y)) if y.dtype.kind in "iu" else 0
    target = (y[:, None] == np.unique(y)) * 1.0 if classes else y[:, None]
    top = float(np.abs(x.T @ (target - target.mean(axis=0))).max() / len(y))
    folds = np.random.default_rng(0).permutation(len(y)) % FOLDS
    factors = {"L1": 1.0, "L2": 10.0, "elastic net": 2.0, "group": 1.0}
    return [
        Cell(table, p, x, y, classes, np.geomspace(1, 1e-3, count) * factors[p] * top, folds)
        for p in penalties
    ]


def loss_of(cell: Cell, fold: int) -> Any:
    """Return the loss of all rows but those of a fold."""
    x, y = cell.x[cell.folds != fold], cell.y[cell.folds != fold]
    share = np.full(len(y), 1 / len(y))
    if not cell.classes:
        return Squared(x, y, share)
    if cell.classes == 2:
        return Logistic(x, y, share)
    return Softmax(x, y, share, cell.classes)


def family_of(cell: Cell) -> Family:
    """Return the penalties: groups of neighbouring columns, of many classes those of an input."""
    inputs, outputs = cell.x.shape[1], max(1, cell.classes)
    shares = {"L1": (1, 0, 0), "L2": (0, 1, 0), "elastic net": (0.5, 0.5, 0), "group": (0, 0, 1)}
    levels = cell.strengths[:, None] * np.array(shares[cell.penalty])
    groups = None
    if cell.penalty == "group":
        groups = np.arange(inputs) // (1 if cell.classes > 2 else cell.size)
        groups = np.broadcast_to(groups, (outputs, inputs))
    norms = Norms(*levels[0].tolist(), groups, np.zeros(inputs, dtype=bool))
    family = Family(norms, levels)
    return family.of_two_classes() if cell.classes == 2 else family
