"""Which of 77 proteins are needed: L1 on weights against groups of weights.

L1 makes weights zero and leaves most inputs some weight; `GroupLasso(per="input")` takes an input
away as a whole. Both run along a path; all measurements of a mouse stay in one fold, else the
network would recognise the mouse.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from common import Outcome, main
from shrinkage import L1, GroupLasso, fit_path
from shrinkage.datasets import Dataset, load_dataset, shared_folder
from shrinkage.reports import Axis, Series

PENALTIES = {"L1": L1(), "groups": GroupLasso(per="input")}
CSV = "Data_Cortex_Nuclear.csv"
FEW, LOST = 0.6, 0.05  # of the inputs, and of the accuracy with them
MICE, OTHERS = 0.58, 0.9  # what the best accuracy must be
LOW, HIGH = 1e-3, 1.6e-2  # strengths, from every input in use to none


def measurements(data: str | None) -> tuple[Dataset, str]:
    """Return the mice, split by mouse, or breast-cancer where they are not here, in words too."""
    folder = Path(data) if data else shared_folder("mice")
    file = folder / CSV if folder is not None and (folder / CSV).is_file() else folder
    if file is None or file.suffix != ".csv":
        table = load_dataset(data or "breast-cancer")
        why = "" if data else ", since the mice protein data are not here"
        return table, f"{table.name}{why}: {table.n_samples} rows, {table.n_features} inputs"
    drop = ("Genotype", "Treatment", "Behavior", "MouseID")  # the class is made of the first three
    table = load_dataset(file, target="class", drop=drop)
    mouse = pd.read_csv(file)["MouseID"].str.split("_").str[0]  # 309_7 is the seventh of 309
    return replace(table, groups=mouse.to_numpy(), group_name="mouse"), (
        f"UCI mice protein expression: {table.n_samples} measurements of {mouse.nunique()} mice, "
        f"{table.n_features} proteins, 8 classes; all measurements of a mouse in one fold"
    )


def run(
    *,
    full: bool = False,
    data: str | None = None,
    strengths: int = 9,
    folds: int = 4,
    epochs: int = 40,
) -> Outcome:
    """Run the experiment; 16 strengths, 5 folds and the default epochs when full."""
    table, sentence = measurements(data)
    outcome = Outcome(sentence)
    paths = {
        name: fit_path(
            "mlp:64",
            table.X,
            table.y,
            groups=table.groups,
            penalty=penalty,
            strengths=np.geomspace(LOW, HIGH, 16 if full else strengths),
            folds=5 if full else folds,
            epochs=None if full else epochs,
            progress=False,
        )
        for name, penalty in PENALTIES.items()
    }
    # How many inputs have a weight that is not zero, mean over the folds.
    inputs = {name: np.asarray(path.inputs_kept).mean(axis=1) for name, path in paths.items()}
    for name, path in paths.items():
        columns = (path.strengths, inputs[name], path.score_mean, path.score_error)
        outcome.table(
            f"{name}: {PENALTIES[name]!r}",
            ("strength", "inputs kept", "cross-validated accuracy", "standard error"),
            np.column_stack(columns).tolist(),
        )
        outcome.path(f"path-{name.lower()}", path)

    total, score = table.n_features, {name: path.score_mean for name, path in paths.items()}
    top = max(values.max() for values in score.values())
    few = score["groups"][inputs["groups"] <= FEW * total].max(initial=0.0)
    share = inputs["L1"][score["L1"].argmax()] / total
    bar = OTHERS if table.groups is None else MICE
    outcome.at_least("cross-validated accuracy of the best", top, bar)
    outcome.at_most("what groups lose with at most 60 % of the inputs", top - few, LOST)
    outcome.at_least("share of the inputs that L1 keeps at its best", share, 0.9)
    series = []
    for (name, path), colour in zip(paths.items(), ("simple", "best"), strict=True):
        order = np.argsort(inputs[name])
        x, y, error = inputs[name][order], path.score_mean[order], path.score_error[order]
        series.append(Series(repr(PENALTIES[name]), x, y, colour, error=error))
    outcome.figure(
        "feature-selection",
        "Accuracy by the number of inputs that are left",
        "Further left is fewer inputs. Groups of weights give up whole inputs and keep their "
        "accuracy for longer than L1 does.",
        alt="Two curves of cross-validated accuracy by the number of inputs kept.",
        x=Axis("inputs with a nonzero weight", limits=(0.0, total + 1.0)),
        y=Axis("cross-validated accuracy", percent=True),
        series=tuple(series),
        wide=True,
    )
    return outcome


if __name__ == "__main__":
    main(run)
