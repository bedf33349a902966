"""Which of 77 proteins tell eight classes of mice apart: L1 on weights against groups of weights.

L1 makes weights zero and leaves most inputs some weight; `GroupLasso(per="input")` takes an input
away as a whole. Both run along a path; all measurements of a mouse stay in one fold, else the
network would recognise the mouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from shrinkage.datasets import Dataset, load_dataset
from shrinkage.drawing.figures import Axis, LineFigure, Series
from shrinkage.examples.outcome import Outcome, Table, at_least, at_most
from shrinkage.examples.pictures import shared_folder
from shrinkage.examples.spread import standard_error
from shrinkage.paths import fit_path
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.penalties import L1, GroupLasso, Penalty

PENALTIES: Mapping[str, Penalty] = {"L1": L1(), "groups": GroupLasso(per="input")}
CSV = "Data_Cortex_Nuclear.csv"
FEW, LOST = 0.6, 0.05  # of the inputs, and of the accuracy with them
MICE, OTHERS = 0.58, 0.9  # what the best accuracy must be
LOW, HIGH = 1e-3, 1.6e-2  # from every input in use to none


def measurements(data: str | None) -> tuple[Dataset, str]:
    """Return the mice, split by mouse, or breast-cancer where they are not here.

    Args:
        data: the CSV of the UCI mice protein data or its folder, or a data set's name.

    Returns:
        The data set and a sentence about it.
    """
    if data is not None and (Path(data) / CSV).is_file():
        data = str(Path(data) / CSV)
    if data is not None and not data.endswith(".csv"):
        found = load_dataset(data)
        return found, f"{data}: {found.n_samples} rows, {found.n_features} inputs"
    folder = shared_folder("mice")
    if data is None and folder is None:
        found = load_dataset("breast-cancer")
        return found, (
            "scikit-learn's breast-cancer, since the mice protein data are not here: "
            f"{found.n_samples} rows, {found.n_features} inputs"
        )
    path = data or str(folder / CSV)  # type: ignore[operator]
    # The class is made of the first three.
    drop = ("Genotype", "Treatment", "Behavior", "MouseID")
    table = load_dataset(path, target="class", drop=drop)
    mice = _mice(path)
    sentence = (
        f"UCI mice protein expression: {table.n_samples} measurements of {len(set(mice))} mice, "
        f"{table.n_features} proteins, 8 classes; all measurements of a mouse in one fold"
    )
    return replace(table, groups=mice, group_name="mouse"), sentence


def _mice(path: str) -> np.ndarray:
    """Return which mouse each measurement is of: `309_7` is the seventh of mouse 309."""
    import pandas as pd

    return pd.read_csv(path, usecols=["MouseID"])["MouseID"].str.split("_").str[0].to_numpy()


def run(
    *,
    full: bool = False,
    data: str | None = None,
    strengths: int = 9,
    folds: int = 4,
    epochs: int = 40,
) -> Outcome:
    """Run the experiment; 16 strengths, 5 folds and the default epochs when full."""
    found, sentence = measurements(data)
    count = 16 if full else strengths
    grid = tuple(float(strength) for strength in np.geomspace(LOW, HIGH, count))
    paths = {
        name: fit_path(
            "mlp:64",
            found.X,
            found.y,
            groups=found.groups,
            penalty=penalty,
            strengths=grid,
            folds=5 if full else folds,
            epochs=None if full else epochs,
            progress=False,
        )
        for name, penalty in PENALTIES.items()
    }
    kept = {name: inputs_of(path) for name, path in paths.items()}
    score = {name: path.score_mean for name, path in paths.items()}
    total = found.n_features
    few = _best_with(kept["groups"], score["groups"], FEW * total)
    top = max(float(values.max()) for values in score.values())
    return Outcome(
        "feature-selection",
        sentence,
        (*(_table(name, path) for name, path in paths.items()),),
        (
            at_least(
                "cross-validated accuracy of the best",
                top,
                OTHERS if found.groups is None else MICE,
            ),
            at_most("what groups lose with at most 60 % of the inputs", top - few, LOST),
            at_least(
                "share of the inputs that L1 keeps at its best",
                float(kept["L1"][score["L1"].argmax()]) / total,
                0.9,
            ),
        ),
        (_figure(paths, total),),
        {f"path-{name.lower()}": path for name, path in paths.items()},
    )


def inputs_of(path: FittedPath) -> np.ndarray:
    """Return how many inputs the models of a path use, (strengths,), mean over the folds."""
    return np.asarray(path.inputs_kept).mean(axis=1)


def _best_with(kept: np.ndarray, score: np.ndarray, most: float) -> float:
    """Return the best score with at most so many inputs; 0 where no strength has so few."""
    return float(score[kept <= most].max(initial=0.0))


def _table(name: str, path: FittedPath) -> Table:
    error = standard_error(path.fold_scores.T)
    columns = zip(path.strengths, inputs_of(path), path.score_mean, error, strict=True)
    rows = tuple(tuple(float(value) for value in row) for row in columns)
    return Table(
        f"{name}: {path.summary['penalty']}",
        ("strength", "inputs kept", "cross-validated accuracy", "standard error"),
        rows,
    )


def _figure(paths: Mapping[str, FittedPath], total: int) -> LineFigure:
    series = []
    for path, colour in zip(paths.values(), ("simple", "best"), strict=True):
        order = np.argsort(inputs_of(path))
        error = standard_error(path.fold_scores.T)
        series.append(
            Series(
                str(path.summary["penalty"]),
                inputs_of(path)[order],
                path.score_mean[order],
                colour,
                error=error[order],
            )
        )
    reading = (
        "Further left is fewer inputs. Groups of weights give up whole inputs and keep their "
        "accuracy for longer than L1 does."
    )
    return LineFigure(
        key="feature-selection",
        title="Accuracy by the number of inputs that are left",
        reading=reading,
        alt=f"Two curves of cross-validated accuracy by the number of inputs kept. {reading}",
        x=Axis("inputs with a nonzero weight", limits=(0.0, total + 1.0)),
        y=Axis("cross-validated accuracy", percent=True),
        series=tuple(series),
        wide=True,
    )
