"""L1, L2, elastic net and dropout on five data sets, at equal budget.

The texts say that L2 is usually more accurate, that L1 selects features, and that L2 "makes
weights zero". The last is false, and so is the second in a network (see `feature_selection`); the
first is a question to data, and is answered with standard errors over the splits. Each method has
four settings, chosen on validation rows; the test rows are looked at once a method.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification

from common import Outcome, main, mean_and_error
from shrinkage import L1, L2, ElasticNet, Penalty, fit_path
from shrinkage.datasets import Dataset, load_dataset, shared_folder, take_rows
from shrinkage.paths import ChosenModel, FittedPath
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
    folder = shared_folder("mice")
    if name == "mice" and folder is not None:
        path = folder / "Data_Cortex_Nuclear.csv"
        drop = ("Genotype", "Treatment", "Behavior", "MouseID")  # the class is made of three
        table = load_dataset(path, target="class", drop=drop)
        mouse = pd.read_csv(path)["MouseID"].str.split("_").str[0]  # 309_7 is the seventh of 309
        return replace(table, name="mice", groups=mouse.to_numpy(), group_name="mouse")
    if name == "mice":
        X, y = make_classification(600, 60, n_informative=10, n_classes=3, random_state=0)
        names = tuple(f"x{number}" for number in range(60))
        return Dataset("made", np.asarray(X), np.asarray(y), "classification", input_names=names)
    return load_dataset(name)


def three_parts(table: Dataset, seed: int) -> list[tuple]:
    """Return rows and targets: at most `MOST` of three fifths to train on, and twice a fifth."""
    groups = np.arange(table.n_samples) if table.groups is None else table.groups
    generator = np.random.default_rng(seed)
    names = generator.permutation(np.unique(groups))
    ends = [0, round(0.6 * len(names)), round(0.8 * len(names)), len(names)]
    parts = []
    for first, last in itertools.pairwise(ends):
        rows = np.flatnonzero(np.isin(groups, names[first:last]))
        rows = generator.permutation(rows)[: None if first else MOST]
        parts.append((take_rows(table.X, rows), table.y[rows]))
    return parts


def compared(table: Dataset, seed: int, epochs: int) -> dict[str, ChosenModel]:
    """Return each method's model on a split, with the setting that validation rows chose."""
    train, validation, test = three_parts(table, seed)

    def path_of(model: str, penalty: Penalty, strengths: tuple[float, ...]) -> FittedPath:
        return fit_path(
            *(model, *train),
            task=table.task,
            penalty=penalty,
            strengths=strengths,
            validation=validation,
            test=test,
            epochs=epochs,
            batch_size=64,
            seed=seed,
            progress=False,
        )

    paths = {name: path_of("mlp:32", penalty, STRENGTHS) for name, penalty in PENALTIES.items()}
    rates = [path_of(f"mlp:32;dropout={rate}", L2(), UNUSED).unregularized for rate in RATES]
    return {
        "none": paths["L2"].unregularized,
        **{name: path.best for name, path in paths.items()},
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
        shares = {m: np.mean([by[m].zero_fraction for by in models]) for m in PENALTIES}
        zeros[table.name] = {method: float(share) for method, share in shares.items()}

    outcome = Outcome(
        f"{', '.join(scores)}: {len(seeds)} splits, at most {MOST} training rows; "
        f"{len(STRENGTHS)} settings a method, chosen on validation rows"
    )
    outcome.table(
        "test score (R² for diabetes, else accuracy)",
        ("data", *METHODS),
        [
            (name, *("{:.3f} ± {:.3f}".format(*mean_and_error(by[m])) for m in METHODS))
            for name, by in scores.items()
        ],
    )
    others = [method for method in METHODS if method != "L2"]
    outcome.table(
        "what L2 is ahead by, paired over the splits",
        ("data", *(f"over {other}" for other in others)),
        [
            (name, *("{:+.3f} ± {:.3f}".format(*mean_and_error(by["L2"] - by[m])) for m in others))
            for name, by in scores.items()
        ],
    )
    rows = [(name, *shares.values()) for name, shares in zeros.items()]
    outcome.table("share of weights that are exactly zero", ("data", *PENALTIES), rows)

    gains = {
        method: np.array([mean_and_error(by[method] - by["none"]) for by in scores.values()]).T
        for method in COLOURS
    }
    lost = max(float((-gain - 3 * error).max()) for gain, error in (gains[m] for m in PENALTIES))
    outcome.at_most("exact zeros of L2", max(shares["L2"] for shares in zeros.values()), 0.0)
    outcome.at_least("exact zeros of L1", min(shares["L1"] for shares in zeros.values()), 0.05)
    outcome.at_most("what a chosen penalty loses, beyond three standard errors", lost, 0.01)
    places, series = np.arange(float(len(scores))), []
    for (method, colour), shift in zip(COLOURS.items(), (-0.24, -0.08, 0.08, 0.24), strict=True):
        gain, error = gains[method]
        series.append(Series(method, places + shift, gain, colour, Kind.SPOT, error))
    outcome.figure(
        "l1-vs-l2",
        "Test score against no regularization, at equal budget",
        "Points above the line are better than no regularization on the same splits; the bars are "
        "one standard error. Where the bars of two methods overlap, these data do not tell them "
        "apart.",
        alt=f"Four points with bars for each of {len(scores)} data sets.",
        x=Axis(
            "data set", ticks=Ticks(tuple(places), tuple(scores)), limits=(-0.5, len(places) - 0.5)
        ),
        y=Axis("difference of test score"),
        series=tuple(series),
        horizontals=(Mark(0.0, "no regularization", "unregularized"),),
        wide=True,
    )
    return outcome


if __name__ == "__main__":
    main(run)
