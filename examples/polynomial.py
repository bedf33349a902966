"""Degrees 3 and 10 on the same points, and penalties that tame 10.

Fourteen noisy points of a smooth curve, one an outlier, which degree 10 chases. Ridge, lasso and
elastic net, with a strength that cross validation chooses on a path, give the curve back, and
so do scikit-learn's models, at the same strength. `polynomial-slider.html` walks over all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import Polynomial, legendre
from sklearn import linear_model, model_selection, pipeline, preprocessing
from sklearn.metrics import root_mean_squared_error as distance

from common import Outcome, main, mean_and_error
from shrinkage import L1, L2, ElasticNet, fit_path
from shrinkage.reports import Axis, Kind, LineFigure, Row, Series, Slides

ROWS, NOISE, OUTLIER, LOW, HIGH = 14, 0.15, 1.0, 3, 10
GRID = np.linspace(-1.0, 1.0, 201)
TRUTH = np.sin(2.5 * GRID)
STRENGTHS = tuple(float(s) for s in np.logspace(-2.5, 0, 8))
COLOURS = ("best", "simple", "training")
# A penalty, scikit-learn's model of it, and its strength over ours: Ridge sums over the rows.
METHODS = {
    "ridge": (L2(), linear_model.Ridge(), ROWS),
    "lasso": (L1(), linear_model.Lasso(tol=1e-10, max_iter=1_000_000), 1),
    "elastic net": (ElasticNet(0.5), linear_model.ElasticNet(tol=1e-10, max_iter=1_000_000), 1),
}


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places and noisy values; one value in the middle is off by `OUTLIER`."""
    x, generator = np.linspace(-1.0, 1.0, ROWS), np.random.default_rng(seed)
    y = np.sin(2.5 * x) + NOISE * generator.normal(size=ROWS)
    y[generator.integers(ROWS // 4, 3 * ROWS // 4)] += OUTLIER
    return x, y


def columns(x: np.ndarray) -> np.ndarray:
    """Return Legendre polynomials up to degree 10; unlike powers they are nearly uncorrelated."""
    return legendre.legvander(x, HIGH)[:, 1:]


def their_fit(points: tuple, name: str, strengths: tuple[float, ...]) -> np.ndarray:
    """Return the curve of scikit-learn's model whose strength cross validation chooses."""
    _, model, factor = METHODS[name]
    steps = pipeline.Pipeline([("scale", preprocessing.StandardScaler()), ("model", model)])
    grid = {"model__alpha": [strength * factor for strength in strengths]}
    folds = model_selection.KFold(5, shuffle=True, random_state=0)  # as many as fit_path takes
    search = model_selection.GridSearchCV(steps, grid, cv=folds, scoring="neg_mean_squared_error")
    return search.fit(columns(points[0]), points[1]).predict(columns(GRID))


def curves(points: tuple, fits: dict[str, np.ndarray]) -> tuple[Series, ...]:
    """Return fits between the true curve and the points."""
    true = Series("true curve", GRID, TRUTH, "unregularized", Kind.DASHED)
    lines = (Series(name, GRID, fits[name], c) for name, c in zip(fits, COLOURS, strict=False))
    return (true, *lines, Series("points", points[0], points[1], "ink", Kind.SPOT))


def walk(points: tuple, name: str, setting: str, fits: dict[str, np.ndarray], at: int) -> Row:
    """Return a row of the slider: a figure for each value of the setting."""
    figures = []
    for value, fit in fits.items():
        label, series = f"{name}, {setting} {value}", curves(points, {"fit": fit})
        reading = f"Distance from the true curve: {distance(TRUTH, fit):.2f}."
        alt = f"Fourteen points, the true curve, and the fit of {label}. {reading}"
        axes = Axis("x"), Axis("y", limits=(-2.0, 2.4))
        figures.append(LineFigure("slide", label, reading, alt, *axes, series, wide=True))
    return Row(name, setting, tuple(fits), tuple(figures), at)


def run(*, full: bool = False, draws: int = 12) -> Outcome:
    """Run the experiment on `draws` sets of points (100 when full)."""
    sets = [drawn(seed) for seed in range(100 if full else draws)]
    outcome = Outcome(f"{len(sets)} draws of {ROWS} points around sin 2.5x, each with one outlier")
    # All draws: means of scikit-learn's fits, which are the same, and faster on so few points.
    errors = {}
    for d in (LOW, HIGH):
        errors[f"degree {d}"] = [distance(TRUTH, Polynomial.fit(*p, d)(GRID)) for p in sets]
    for name in METHODS:
        theirs = [distance(TRUTH, their_fit(p, name, STRENGTHS)) for p in sets]
        gain, error = mean_and_error(np.subtract(errors["degree 10"], theirs))
        outcome.at_least(f"{name} nearer to the truth, in standard errors", gain / error, 2.0)
        errors[f"degree 10, {name}"] = theirs
    rows = [(name, *mean_and_error(values)) for name, values in errors.items()]
    names = ("fit", "distance from the true curve", "standard error")
    outcome.table("root mean squared distance, mean over the draws", names, rows)

    # The first draw: a path for each penalty, judged on the true curve.
    points, on_grid = sets[0], columns(GRID)
    plain = {str(d): Polynomial.fit(*points, d)(GRID) for d in range(1, HIGH + 1)}
    walks = [walk(points, "no penalty", "degree", plain, at=LOW - 1)]
    rows, distances, chosen, fits = [], [], [], {}
    for (name, (penalty, *_)), colour in zip(METHODS.items(), COLOURS, strict=True):
        path = fit_path(
            *("linear", columns(points[0]), points[1]),
            penalty=penalty,
            strengths=STRENGTHS,
            test=(on_grid, TRUTH),
            dtype="float64",
            refit="all",
            progress=False,
        )
        outcome.path(f"path-{name.replace(' ', '-')}", path)
        best, fits[name] = path.best, path.predict(on_grid, "best")
        gap = float(np.abs(their_fit(points, name, (best.strength,)) - fits[name]).max())
        rows.append((name, best.strength, f"{best.nonzero} of {HIGH}", gap))
        along = {f"{s:.3g}": path.predict(on_grid, i) for i, s in enumerate(STRENGTHS)}
        line, at = np.array([distance(TRUTH, fit) for fit in along.values()]), [best.index or 0]
        walks.append(walk(points, f"degree {HIGH}, {name}", "strength", along, at=at[0]))
        distances.append(Series(name, path.strengths, line, colour))
        chosen.append(Series(f"chosen, {name}", path.strengths[at], line[at], colour, Kind.SPOT))
    names = ("penalty", "strength", "coefficients left", "difference from scikit-learn")
    outcome.table("the first draw: chosen by cross validation", names, rows)
    outcome.at_most("difference from scikit-learn", max(row[3] for row in rows), 1e-6)
    outcome.pages["polynomial-slider"] = Slides(
        "One set of points, and the polynomial that a degree or a penalty makes of it",
        "A high degree follows the outlier and swings at the ends. A penalty on degree 10 gives "
        "the smooth curve back, and too much of it flattens the curve.",
        tuple(walks),
    )
    three = {"degree 10": plain["10"], "degree 10, lasso": fits["lasso"], "degree 3": plain["3"]}
    outcome.figure(
        "polynomial-curves",
        "Too many degrees of freedom, and a penalty on them",
        "Degree 10 without a penalty bends to the outlier and to the noise at the ends; with lasso "
        f"at strength {chosen[1].x[0]:.2g} it is as smooth as degree 3.",
        alt="Fourteen points, one far off, and four curves.",
        x=Axis("x"),
        y=Axis("y"),
        series=curves(points, three),
        wide=True,
    )
    outcome.figure(
        "polynomial-path",
        "Distance from the true curve along the path, degree 10",
        "Too little penalty follows the noise, too much flattens the curve; the best is between.",
        alt="Three curves over the strength, large points where cross validation chose.",
        x=Axis("strength λ (log scale), stronger to the right", log=True),
        y=Axis("distance from the true curve"),
        series=(*distances, *chosen),
        wide=True,
    )
    return outcome


if __name__ == "__main__":
    main(run, about="points it draws")
