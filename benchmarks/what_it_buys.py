"""What a chosen strength buys on tables that nobody tuned to: accuracy and log loss, pair by pair.

Tables of scikit-learn, the proteins of mice and rows of MNIST where they are there, and made ones
of several kinds: at most 250 training rows, the others are the test. Against a fair baseline, the
unregularized network at the best of four learning rates on the same folds: the L2 path, the group
lasso path, a search over L2 × dropout × norm × width × learning rate, `MLPClassifier` with its
`alpha` chosen on a grid, logistic regression and a random forest. Differences are paired on the
test rows and averaged over tables, ± their standard error.

Both paths are there with the learning rate chosen beside the strength, too, and the one of them
that the folds prefer, each as one network and as the mean of eight. `--further` trains these alone,
for the splits of the record.

`--folder` takes the tables of a folder instead (`own_tables.py` says of what kinds), for the paths,
the baseline and the grid alone.

The same models say what other rules of choice would have taken: by log loss, by a smoothed score,
the mean of the probabilities within one standard error, the best in hindsight, and the best on one
half of the test rows, scored on the other.

    python benchmarks/what_it_buys.py [--tables 4] [--seeds 1] [--search 16] [--further] [--small]
    python benchmarks/what_it_buys.py --folder FOLDER
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from own_tables import read_table, tables_of
from recording import HERE, Pieces, write_result
from sklearn import datasets as bundled
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shrinkage import L2, GroupLasso, fit_path, fit_search, fit_surface
from shrinkage.datasets import load_pictures, shared_folder
from shrinkage.paths.comparing.other_rates import FACTORS
from shrinkage.run import PathRun

MODEL, MOST_TRAIN, MOST_TEST = "mlp:64,32", 250, 2_000
ALPHAS = np.logspace(-4, 1, 6)
BASE = "fair baseline"
RATES, MEMBERS, TOGETHER = (4e-3, 1.6e-2), 8, "mean of 8"
Table = tuple[np.ndarray, np.ndarray]


def made(seed: int, kind: str) -> Table:
    """Return a made table of two or three classes."""
    random = np.random.default_rng(seed)
    if kind == "sparse":
        return bundled.make_classification(
            1_200, 40, n_informative=4, n_redundant=2, flip_y=0.1, random_state=seed
        )
    if kind == "wide":
        X = random.normal(size=(700, 300))
        return X, (X[:, :6].sum(axis=1) + random.normal(size=700) > 0).astype(int)
    if kind == "quadratic":
        X = random.normal(size=(1_200, 10))
        return X, ((X**2).sum(axis=1) + random.normal(size=1_200) > 9.3).astype(int)
    if kind == "moons":
        X, y = bundled.make_moons(1_200, noise=0.3, random_state=seed)
        return np.column_stack([X, random.normal(size=(1_200, 8))]), y
    if kind == "friedman":
        X, y = bundled.make_friedman1(1_200, 12, noise=2.0, random_state=seed)
        return X, (y > np.median(y)).astype(int)
    if kind == "levels":  # two columns of levels whose pairs decide, one-hot
        left, right = random.integers(0, 6, (2, 1_200))
        chance = random.random((6, 6))[left, right]
        X = np.column_stack([np.eye(6)[left], np.eye(6)[right], random.normal(size=(1_200, 5))])
        return X, (random.random(1_200) < chance).astype(int)
    X = random.normal(size=(1_200, 20))  # three classes by two directions, many columns of noise
    return X, np.digitize(X[:, 0] + 0.7 * X[:, 1] + 0.7 * random.normal(size=1_200), [-0.7, 0.7])


def mice(_: int) -> Table | None:
    """Return the proteins of mice, medians for what is missing."""
    folder = shared_folder("mice")
    if folder is None:
        return None
    import pandas as pd

    frame = pd.read_csv(folder / "Data_Cortex_Nuclear.csv")
    X = frame[[name for name in frame.columns if name.endswith("_N")]]
    return X.fillna(X.median()).to_numpy(float), frame["class"].to_numpy()


def mnist(_: int) -> Table | None:
    """Return 2,000 pictures."""
    if shared_folder("mnist") is None:
        return None
    pictures = load_pictures(rows=2_000)
    return pictures.X.reshape(2_000, -1) / 255.0, pictures.y


def of_bundled(name: str) -> Callable[[int], Table]:
    """Return a table of scikit-learn; a number is two classes by its median."""

    def load(_: int) -> Table:
        X, y = getattr(bundled, f"load_{name}")(return_X_y=True)
        return X, (y > np.median(y)).astype(int) if name == "diabetes" else y

    return load


def of_made(kind: str) -> Callable[[int], Table]:
    """Return what makes a table of a kind."""
    return lambda seed: made(seed, kind)


KINDS = ("sparse", "wide", "quadratic", "moons", "friedman", "levels", "three")
BUNDLED = ("breast_cancer", "digits", "diabetes", "wine")
TABLES: dict[str, Callable[[int], Table | None]] = {
    **{name: of_bundled(name) for name in BUNDLED},
    **{kind: of_made(kind) for kind in KINDS},
    "mice": mice,
    "mnist": mnist,
}


@dataclass(frozen=True)
class Rows:
    """Training and test rows."""

    X: np.ndarray
    y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray

    @classmethod
    def of(cls, table: Table, seed: int) -> Rows:
        """Return a split: at most 250 rows for training, or two thirds."""
        X, y = table
        train = min(MOST_TRAIN, 2 * len(y) // 3)
        split = train_test_split(X, y, train_size=train, stratify=y, random_state=seed)
        return cls(split[0], split[2], split[1][:MOST_TEST], split[3][:MOST_TEST])

    def score(self, chances: np.ndarray) -> list[float]:
        """Return accuracy and log loss of probabilities on the test rows."""
        labels = np.unique(self.y)
        chances = chances.astype(float)
        chances /= chances.sum(axis=1, keepdims=True)
        loss = log_loss(self.test_y, chances, labels=labels)
        return [accuracy_score(self.test_y, labels[chances.argmax(axis=1)]), loss]


def best_on_other_rows(rows: Rows, chances: list[np.ndarray]) -> list[float]:
    """Return the scores on half of the test rows of what is best on the other half.

    Hindsight takes the noise of the test rows along; this says how much there was to gain. It is
    the mean of forty halves; of equally good ones the first is taken.
    """
    labels = np.unique(rows.y)
    codes = np.searchsorted(labels, rows.test_y)
    every = np.array([own / own.sum(axis=1, keepdims=True) for own in np.asarray(chances, float)])
    hits = (every.argmax(axis=2) == codes).astype(float)
    losses = -np.log(np.maximum(every[:, np.arange(len(codes)), codes], 1e-15))
    random, scores = np.random.default_rng(0), []
    for _ in range(20):
        one, other = np.array_split(random.permutation(len(codes)), 2)
        for look, judge in ((one, other), (other, one)):
            place = int(hits[:, look].mean(axis=1).argmax())
            scores.append([hits[place, judge].mean(), losses[place, judge].mean()])
    return np.mean(scores, axis=0).tolist()


def rules(rows: Rows, path: PathRun, name: str) -> dict[str, list[float]]:
    """Return what each rule of choice takes of a path whose models were all refitted."""
    count = len(path.strengths)
    chances = [path.predict_proba(rows.test_x, place) for place in range(count)]
    mean, losses = path.fold_scores.mean(axis=1), path.log_loss.mean(axis=1)
    inner = np.convolve(np.pad(mean, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    near = [
        place
        for place in range(count)
        if mean[place] >= mean.max() - path.score_error[path.best.index]
    ]
    tested = [rows.score(own) for own in chances]
    return {
        f"{name}": tested[path.best.index],
        f"{name}, one standard error": tested[path.one_standard_error.index],
        f"{name}, by log loss": tested[int(np.argmin(losses))],
        f"{name}, by score less 0.03 log loss": tested[int(np.argmax(mean - 0.03 * losses))],
        f"{name}, smoothed": tested[int(np.argmax(inner))],
        f"{name}, mean of near ones": rows.score(np.mean([chances[p] for p in near], axis=0)),
        f"{name}, best on other test rows": best_on_other_rows(rows, chances),
        f"{name}, hindsight": max(tested, key=lambda own: (own[0], -own[1])),
    }


def grid(rows: Rows, seed: int) -> list[float]:
    """Return what scikit-learn's network scores, `alpha` chosen on a grid."""
    network = MLPClassifier((64, 32), max_iter=200, random_state=seed)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), network), {"mlpclassifier__alpha": ALPHAS}, cv=5
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(rows.X, rows.y)
    return rows.score(np.clip(search.predict_proba(rows.test_x), 1e-12, 1.0))


def at_either_rate(rows: Rows, seed: int, *, small: bool) -> dict[str, list[float]]:
    """Return what paths score whose learning rate is chosen too, alone and as several networks."""
    quick = {"epochs": 2, "folds": 2, "repeats": 1} if small else {}
    options = {"test": (rows.test_x, rows.test_y), "seed": seed, "task": "classification", **quick}
    options |= {"members": MEMBERS, "vary": {"learning_rate": RATES}, "progress": False}
    figures, chosen = {}, {}
    for name, penalty in (("L2 path × rate", L2()), ("group lasso path × rate", GroupLasso())):
        run = fit_surface(
            MODEL, rows.X, rows.y, penalties=(penalty,), strengths=(3 if small else 20,), **options
        )
        figures[name] = rows.score(run.predict_proba(rows.test_x))
        figures[f"{name}, {TOGETHER}"] = rows.score(run.predict_proba(rows.test_x, "mean"))
        chosen[name] = run.best.cv_score
    better = max(chosen, key=lambda name: chosen[name])
    for end in ("", f", {TOGETHER}"):
        figures[f"L2 or group lasso × rate{end}"] = figures[f"{better}{end}"]
    return figures


def fair_baseline(rows: Rows, seed: int, quick: dict[str, int]) -> list[float]:
    """Return what the unregularized network scores at the best of four rates."""
    tried = [
        fit_path(
            MODEL,
            rows.X,
            rows.y,
            penalty=L2(),
            strengths=[1e-9, 1e-8],
            learning_rate=factor * RATES[0],
            test=(rows.test_x, rows.test_y),
            seed=seed,
            task="classification",
            progress=False,
            **quick,
        ).unregularized
        for factor in FACTORS
    ]
    best = max(tried, key=lambda model: model.cv_score)
    return [best.test_score, best.test_log_loss]


def of_paths(rows: Rows, seed: int, *, small: bool) -> dict[str, list[float]]:
    """Return accuracy and log loss of the paths, of the fair baseline and of the grid alone."""
    quick = {"epochs": 2, "folds": 2, "repeats": 1} if small else {}
    options = {"seed": seed, "task": "classification", "progress": False, "refit": "all", **quick}
    options |= {"test": (rows.test_x, rows.test_y), "strengths": 3 if small else 20}
    figures = {BASE: fair_baseline(rows, seed, quick)}
    trained = {
        "L2 path": (L2(), RATES[0]),
        "L2 path, rate 0.016": (L2(), RATES[1]),
        "group lasso path": (GroupLasso(), RATES[0]),
    }
    paths = {
        name: fit_path(MODEL, rows.X, rows.y, penalty=penalty, learning_rate=rate, **options)
        for name, (penalty, rate) in trained.items()
    }
    for name, path in paths.items():
        figures |= rules(rows, path, name)
    l2, fast, group = trained
    for name, among in (
        ("L2 × rate", (l2, fast)),
        ("L2 or group lasso", (l2, group)),
        ("L2 × rate or group lasso", (l2, fast, group)),
    ):
        figures[name] = figures[max(among, key=lambda own: paths[own].best.cv_score)]
    return figures | {"MLPClassifier grid": grid(rows, seed)}


def contenders(rows: Rows, seed: int, *, trials: int, small: bool) -> dict[str, list[float]]:
    """Return accuracy and log loss of each contender."""
    quick = {"epochs": 2, "folds": 2, "repeats": 1, "strengths": 3} if small else {}
    options = {"test": (rows.test_x, rows.test_y), "seed": seed, "task": "classification", **quick}
    figures: dict[str, list[float]] = {}
    path = fit_path(
        MODEL, rows.X, rows.y, penalty=L2(), refit="all", compare=True, progress=False, **options
    )
    for own in path.compared:
        name = BASE if own.name.startswith("unregularized") else own.name
        figures[name] = [own.test_score, own.test_log_loss]
    plain = path.unregularized
    figures["unregularized, default rate"] = [plain.test_score, plain.test_log_loss]
    figures |= rules(rows, path, "L2 path")
    group = fit_path(
        MODEL, rows.X, rows.y, penalty=GroupLasso(), refit="all", progress=False, **options
    )
    figures |= rules(rows, group, "group lasso path")
    options.pop("strengths", None)
    found = fit_search(MODEL, rows.X, rows.y, trials=trials, outer=0, progress=False, **options)
    figures["search"] = rows.score(found.predict_proba(rows.test_x))
    figures["MLPClassifier grid"] = grid(rows, seed)
    return figures | at_either_rate(rows, seed, small=small)


def paired(figures: dict[str, dict[str, list[float]]], one: str, other: str) -> dict[str, float]:
    """Return the mean difference over tables and its standard error, points and log loss.

    The splits of a table are averaged before: they are not independent.
    """
    splits: dict[str, list[np.ndarray]] = {}
    for piece, own in figures.items():
        if one in own and other in own:
            gap = np.subtract(own[one], own[other]) * [100.0, 1.0]
            splits.setdefault(piece.partition(",")[0], []).append(gap)
    gaps = np.array([np.mean(gap, axis=0) for gap in splits.values()])
    mean, error = gaps.mean(axis=0), gaps.std(axis=0, ddof=1) / np.sqrt(len(gaps))
    names = ("points", "log_loss")
    told = dict(zip(names, mean.tolist(), strict=True))
    return told | {f"{n}_error": e for n, e in zip(names, error.tolist(), strict=True)}


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--search", type=int, default=16, help="trials")
    parser.add_argument("--further", action="store_true", help="paths with two rates alone")
    parser.add_argument("--folder", type=Path, help="of CSV, ARFF or MATLAB's files")
    parser.add_argument("--small", action="store_true", help="little training, nothing written")
    return parser.parse_args()


def tables_in(folder: Path) -> dict[str, Callable[[int], Table | None]]:
    """Return what reads each table of a folder."""
    return {name: lambda _, path=path: read_table(path) for name, path in tables_of(folder).items()}


def measured(
    asked: argparse.Namespace, name: str, known: dict[str, dict[str, list[float]]]
) -> dict[str, dict[str, list[float]]]:
    """Return the figures of every split, which are kept as they come, beside those known."""
    pieces = Pieces(f"{name}-further" if asked.further else name, keep=not asked.small)
    figures: dict[str, dict[str, list[float]]] = {}
    tables = tables_in(asked.folder) if asked.folder else TABLES
    for own in list(tables)[asked.first : asked.first + asked.tables]:
        for seed in range(asked.seeds):
            table = tables[own](seed)
            if table is None:
                print(f"{own}: not here")
                continue
            piece, rows = f"{own}, seed {seed}", Rows.of(table, seed)
            if asked.further:
                train = partial(at_either_rate, rows, seed, small=asked.small)
            elif asked.folder:
                train = partial(of_paths, rows, seed, small=asked.small)
            else:
                train = partial(contenders, rows, seed, trials=asked.search, small=asked.small)
            figures[piece] = {**known.get(piece, {}), **pieces.get(piece, train)}
            print(piece, {k: [round(v, 3) for v in own] for k, own in figures[piece].items()})
    return figures


def main() -> None:
    """Measure, print the paired differences, and write the record."""
    asked = arguments()
    name = "what_it_buys_fresh" if asked.folder else "what_it_buys"
    older = {}
    if asked.further:
        older = json.loads((HERE / "results" / f"{name}.json").read_text())
    figures = measured(asked, name, older.get("splits", {}))
    told = {}
    for one in next(iter(figures.values())):
        for other in (BASE, "MLPClassifier grid"):
            if one != other:
                told[f"{one} − {other}"] = paired(figures, one, other)
    print(f"{'paired over ' + str(len(figures)) + ' splits':<58} accuracy, points    log loss")
    for pair, own in told.items():
        print(
            f"{pair:<58} {own['points']:+5.1f} ± {own['points_error']:.1f}"
            f"        {own['log_loss']:+.3f} ± {own['log_loss_error']:.3f}"
        )
    count = len(tables_of(asked.folder) if asked.folder else TABLES)
    whole = len({piece.partition(",")[0] for piece in figures}) == count
    if whole and not asked.small:
        others = {"others_of_commit": older["commit"]} if older else {}
        write_result(name, {**others, "splits": figures, "paired": told})


if __name__ == "__main__":
    main()
