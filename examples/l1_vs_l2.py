"""L1, L2, elastic net and dropout on five data sets, at equal budget.

The texts say that L2 is usually more accurate, that L1 selects features, and that L2 "makes
weights zero". The last is false but for weights that no row moves, whose minimum is zero; so is the
second in a network (see `feature_selection`). The first is a question to data, and is answered with
standard errors. Settings are chosen on validation rows; a method looks at the test rows once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification

from common import Outcome, main, mean_and_error
from shrinkage import L1, L2, ElasticNet, fit_path
from shrinkage.datasets import Dataset, load_dataset, shared_folder, take_rows
from shrinkage.paths import ChosenModel
from shrinkage.reports import Axis, Kind, Mark, Series, Ticks

NAMES = ("digits", "breast-cancer", "wine", "diabetes", "mice")
PENALTIES = {"L1": L1(), "L2": L2(), "elastic net": ElasticNet(0.5)}
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2)
RATES = (0.1, 0.2, 0.35, 0.5)
METHODS = ("none", *PENALTIES, "dropout")
COLOURS = {"L1": "best", "L2": "simple", "elastic net": "training", "dropout": "gap"}
# A path has at least two strengths, and trains strength 0 beside them, which is dropout alone. The
# two are as small as can be, and are not looked at.
UNUSED = (1e-12, 1e-11)
MOST = 300  # training rows: few, so that there is something to regularize


def data_of(name: str) -> Dataset:
    """Return a data set; instead of the mice, where they are not here, one that is made."""
    if name != "mice":
        return load_dataset(name)
    folder = shared_folder("mice")
    if folder is None:
        X, y = make_classification(600, 60, n_informative=10, n_classes=3, random_state=0)
        names = tuple(f"x{number}" for number in range(60))
        return Dataset("made", np.asarray(X), np.asarray(y), "classification", input_names=names)
    path = folder / "Data_Cortex_Nuclear.csv"
    drop = ("Genotype", "Treatment", "Behavior", "MouseID")  # the class is made of the first three
    table = load_dataset(path, target="class", drop=drop)
    mouse = pd.read_csv(path)["MouseID"].str.split("_").str[0]  # 309_7 is the seventh of 309
    return replace(table, name="mice", groups=mouse.to_numpy(), group_name="mouse")


def three_parts(table: Dataset, seed: int) -> list[tuple]:
    """Return rows and targets: at most `MOST` of three fifths to train on, and twice a fifth."""
    groups = np.arange(table.n_samples) if table.groups is None else table.groups
    generator = np.random.default_rng(seed)
    names = generator.permutation(np.unique(groups))
    parts = []
    for part in np.split(names, [round(0.6 * len(names)), round(0.8 * len(names))]):
        rows = generator.permutation(np.flatnonzero(np.isin(groups, part)))
        rows = rows[: None if parts else MOST]
        parts.append((take_rows(table.X, rows), table.y[rows]))
    return parts


def compared(table: Dataset, seed: int, epochs: int) -> dict[str, ChosenModel]:
    """Return each method's model on a split, with the setting that validation rows chose."""
    train, validation, test = three_parts(table, seed)
    path_of = partial(
        fit_path,
        X=train[0],
        y=train[1],
        task=table.task,
        validation=validation,
        test=test,
        epochs=epochs,
        batch_size=64,
        seed=seed,
        progress=False,
    )
    paths = {m: path_of("mlp:32", penalty=p, strengths=STRENGTHS) for m, p in PENALTIES.items()}
    rates = [path_of(f"mlp:32;dropout={rate}", strengths=UNUSED).unregularized for rate in RATES]
    return {
        "none": paths["L2"].unregularized,
        **{method: path.best for method, path in paths.items()},
        "dropout": max(rates, key=lambda model: model.cv_score or -np.inf),
    }


def run(
    *, full: bool = False, data: str | None = None, splits: int = 3, epochs: int = 20
) -> Outcome:
    """Run the experiment with so many splits (20 when full) of each data set, or of `data`."""
    seeds = range(20 if full else splits)
    scores, zeros = {}, {}
    for table in map(data_of, (data,) if data else NAMES):
        models = [compared(table, seed, epochs) for seed in seeds]
        scores[table.name] = {m: np.array([by[m].test_score for by in models]) for m in METHODS}
        zeros[table.name] = {m: np.mean([by[m].zero_fraction for by in models]) for m in PENALTIES}

    outcome = Outcome(
        f"{', '.join(scores)}: {len(seeds)} splits, at most {MOST} training rows; "
        f"{len(STRENGTHS)} settings a method, chosen on validation rows"
    )
    rows = [
        (name, *("{:.3f} ± {:.3f}".format(*mean_and_error(by[m])) for m in METHODS))
        for name, by in scores.items()
    ]
    outcome.table("test score (R² for diabetes, else accuracy)", ("data", *METHODS), rows)
    others = [method for method in METHODS if method != "L2"]
    rows = [
        (name, *("{:+.3f} ± {:.3f}".format(*mean_and_error(by["L2"] - by[m])) for m in others))
        for name, by in scores.items()
    ]
    columns = ("data", *(f"over {other}" for other in others))
    outcome.table("what L2 is ahead by, paired over the splits", columns, rows)
    rows = [(name, *shares.values()) for name, shares in zeros.items()]
    outcome.table("share of weights that are exactly zero", ("data", *PENALTIES), rows)

    gains = {  # of each data set: the mean and its standard error, (2, data sets)
        method: np.array([mean_and_error(by[method] - by["none"]) for by in scores.values()]).T
        for method in COLOURS
    }
    lost = max(float((-gain - 3 * error).max()) for gain, error in (gains[m] for m in PENALTIES))
    outcome.at_most("exact zeros of L2", max(shares["L2"] for shares in zeros.values()), 0.002)
    outcome.at_least("exact zeros of L1", min(shares["L1"] for shares in zeros.values()), 0.05)
    outcome.at_most("what a chosen penalty loses, beyond three standard errors", lost, 0.01)
    places, shifts = np.arange(float(len(scores))), (-0.24, -0.08, 0.08, 0.24)
    series = [
        Series(method, places + shift, gains[method][0], colour, Kind.SPOT, gains[method][1])
        for (method, colour), shift in zip(COLOURS.items(), shifts, strict=True)
    ]
    ticks = Ticks(tuple(places), tuple(scores))
    outcome.figure(
        "l1-vs-l2",
        "Test score against no regularization, at equal budget",
        "Points above the line are better than no regularization on the same splits; the bars are "
        "one standard error. Where the bars of two methods overlap, these data do not tell them "
        "apart.",
        alt=f"Four points with bars for each of {len(scores)} data sets.",
        x=Axis("data set", ticks=ticks, limits=(-0.5, len(places) - 0.5)),
        y=Axis("difference of test score"),
        series=tuple(series),
        horizontals=(Mark(0.0, "no regularization", "unregularized"),),
        wide=True,
    )
    return outcome


if __name__ == "__main__":
    main(run)
