"""Ten of the made tables against a pipeline of scikit-learn that their owner would write.

    python benchmarks/tables_peer.py

The owner knows how each file is written and reads it with pandas' own arguments; imputes, scales
and encodes with scikit-learn; and fits `Ridge`, whose alpha is rows × strength here. The rows of
the folds and of the test are those of the run, and nothing else of it. Input matrix, folds' scores,
test score and predictions are to agree to 1e-6.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from made import KINDS
from recording import write_result
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from shrinkage import L2
from shrinkage.datasets import Preprocessing, load_dataset, make_folds, split_test
from shrinkage.paths import PathOptions, fit_dataset

LARGEST_DIFFERENCE = 1e-6
STRENGTHS, FOLDS, SEED = (0.01, 0.1), 3, 0


def stripped(column: str, *marks: str) -> Callable[[Path], pd.DataFrame]:
    """Return what reads a file of text whose numbers have marks around them, taken off by hand."""

    def read(path: Path) -> pd.DataFrame:
        frame = pd.read_csv(path, dtype={column: str}, keep_default_na=False)
        cells = frame[column]
        for mark in marks:
            cells = cells.str.replace(mark, "", regex=False)
        return frame.assign(**{column: cells.astype(float)})

    return read


def one_case(path: Path) -> pd.DataFrame:
    """Read levels that differ by blanks and case alone."""
    frame = pd.read_csv(path)
    return frame.assign(work=frame["work"].str.strip().str.lower())


def german_excel(path: Path) -> pd.DataFrame:
    """Read an export with a byte order mark and a title line."""
    return pd.read_csv(path, sep=";", decimal=",", skiprows=1, encoding="utf-8-sig")


OWNERS: Mapping[str, Callable[[Path], pd.DataFrame]] = {
    "semicolon and decimal commas": lambda path: pd.read_csv(path, sep=";", decimal=","),
    "excel: mark, title, semicolons": german_excel,
    "blanks": lambda path: pd.read_csv(path, sep=r"\s+"),
    "utf-16": lambda path: pd.read_csv(path, encoding="utf-16"),
    "cp1252": lambda path: pd.read_csv(path, encoding="cp1252"),
    "json lines": lambda path: pd.read_json(path, lines=True),
    "thousands": stripped("amount", ","),
    "dollars": stripped("amount", "$", ","),
    "missing: unknown": lambda path: pd.read_csv(path, na_values=["unknown"]),
    "case and blanks": one_case,
}


def pipeline(frame: pd.DataFrame, alpha: float):
    """Return the owner's pipeline: median and an indicator, standardized numbers, levels, ridge."""
    numbers = list(frame.select_dtypes("number"))
    words = [name for name in frame if name not in numbers]
    lacking = [name for name in numbers if frame[name].isna().any()]
    steps = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (FunctionTransformer(lambda part: part.isna().astype(float)), lacking),
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), words),
    )
    return make_pipeline(steps, Ridge(alpha, solver="svd"))


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference, of matrices with their columns in the best order."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if ours.shape != theirs.shape:
        return float("inf")
    if ours.ndim == 1:
        return float(np.abs(ours - theirs).max())
    apart = np.abs(ours[:, :, None] - theirs[:, None, :]).max(axis=0)
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))


def compare(name: str, folder: Path) -> dict[str, object]:
    """Return the largest differences between a run and the owner's pipeline."""
    (kind,) = (kind for kind in KINDS if kind.name == name)
    path = folder / kind.write(folder, np.random.default_rng(0))
    data = load_dataset(path, target="y")
    options = PathOptions(strengths=STRENGTHS, folds=FOLDS, seed=SEED, dtype="float64")
    result = fit_dataset("linear", data, penalty=L2(), options=options, progress=False)
    frame = OWNERS[name](path)
    y = frame.pop("y").to_numpy(dtype=float)
    train, test = split_test(data, options.test_size, SEED)

    def fitted(rows: np.ndarray, strength: float):
        return pipeline(frame, strength * len(rows)).fit(frame.iloc[rows], y[rows])

    best = fitted(train, float(result.best.strength))
    predicted = best.predict(frame.iloc[test])
    scores = [
        [
            r2_score(y[train[v]], fitted(train[t], s).predict(frame.iloc[train[v]]))
            for s in STRENGTHS
        ]
        for t, v in make_folds(data.y[train], data.task, None, FOLDS, SEED)
    ]
    matrix = Preprocessing.fit(data.X, train).transform(data.X.iloc[train], np.float64)
    own = result.predict(data.X.iloc[test])
    return {
        "kind": name,
        "matrix": difference(matrix, best[0].transform(frame.iloc[train])),
        "fold_scores": difference(result.fold_scores.T, np.array(scores)),
        "test_score": abs(float(result.best.test_score) - float(r2_score(y[test], predicted))),
        "predictions": difference(own, predicted) / float(np.std(y)),
    }


def main() -> None:
    """Compare the tables, print the largest differences, and write the record."""
    rows = []
    for name in OWNERS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(compare(name, Path(folder)))
        figures = {key: f"{value:.1e}" for key, value in rows[-1].items() if key != "kind"}
        print(name, figures, flush=True)
    figures = {key: max(row[key] for row in rows) for key in rows[0] if key != "kind"}  # type: ignore
    write_result("tables_peer", {"largest": figures, "each": rows})
    if max(figures.values()) > LARGEST_DIFFERENCE:
        sys.exit(1)


if __name__ == "__main__":
    main()
