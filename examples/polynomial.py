"""Degrees 3 and 10 on the same points, and penalties that tame 10.

Fourteen noisy points of a smooth curve, one outlier among them. Without a penalty degree 10 chases
the outlier; ridge, lasso and elastic net along a path, with the strength chosen by cross
validation, give the smooth curve back. scikit-learn's models at the same strength are the same
curves. The page `polynomial-slider.html` walks over degrees and strengths.
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import ElasticNet as TheirElasticNet
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from common import Outcome, main, mean_and_error
from shrinkage import L1, L2, ElasticNet, fit_path
from shrinkage.reports import Axis, Kind, LineFigure, Row, Series, Slides

POINTS, NOISE, OUTLIER, LOW, HIGH, FOLDS = 14, 0.15, 1.0, 3, 10, 5
GRID = np.linspace(-1.0, 1.0, 201)
TRUTH = np.sin(2.5 * GRID)
STRENGTHS = tuple(float(s) for s in np.logspace(-2.5, 0, 8))
PENALTIES = {"ridge": L2(), "lasso": L1(), "elastic net": ElasticNet(0.5)}
COLOURS = {"ridge": "best", "lasso": "simple", "elastic net": "training"}
# scikit-learn's models of the same objectives; Ridge's sum of squares is not divided by the rows.
THEIRS = {
    "ridge": (Ridge(), POINTS),
    "lasso": (TheirElasticNet(l1_ratio=1.0, tol=1e-10, max_iter=1_000_000), 1),
    "elastic net": (TheirElasticNet(l1_ratio=0.5, tol=1e-10, max_iter=1_000_000), 1),
}
Points = tuple[np.ndarray, np.ndarray]


def drawn(seed: int) -> Points:
    """Return places and noisy values; one value in the middle is off by `OUTLIER`."""
    generator = np.random.default_rng(seed)
    x = np.linspace(-1.0, 1.0, POINTS)
    y = np.sin(2.5 * x) + NOISE * generator.normal(size=POINTS)
    y[generator.integers(POINTS // 4, 3 * POINTS // 4)] += OUTLIER
    return x, y


def columns(x: np.ndarray) -> np.ndarray:
    """Return the Legendre polynomials of degree 1 to 10 as columns.

    They span what x, x², … span, and are nearly uncorrelated on points between −1 and 1, so that
    a penalty on one coefficient does not fall on the others.
    """
    return np.polynomial.legendre.legvander(x, HIGH)[:, 1:]


def plain_fit(points: Points, degree: int) -> np.ndarray:
    """Return the least-squares polynomial's values on the grid."""
    return np.polynomial.Polynomial.fit(*points, degree)(GRID)


def off_truth(values: np.ndarray) -> float:
    """Return the root of the mean squared difference from the true curve."""
    return float(np.sqrt(np.mean((values - TRUTH) ** 2)))


def their_fit(points: Points, name: str, strengths: tuple[float, ...]) -> np.ndarray:
    """Return the curve of scikit-learn's model whose strength cross validation chooses."""
    model, factor = THEIRS[name]
    search = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("model", model)]),
        {"model__alpha": [strength * factor for strength in strengths]},
        cv=KFold(FOLDS, shuffle=True, random_state=0),
        scoring="neg_mean_squared_error",
    )
    return search.fit(columns(points[0]), points[1]).predict(columns(GRID))


def curves(points: Points, fits: dict[str, np.ndarray]) -> tuple[Series, ...]:
    """Return fits between the true curve and the points."""
    colours = iter(("best", "simple", "training"))
    lines = [Series(name, GRID, fit, next(colours)) for name, fit in fits.items()]
    true = Series("true curve", GRID, TRUTH, "unregularized", Kind.DASHED)
    return (true, *lines, Series("points", *points, "ink", Kind.SPOT))


def slide(points: Points, fit: np.ndarray, label: str) -> LineFigure:
    """Return one figure of the walk."""
    reading = f"Distance from the true curve: {off_truth(fit):.2f}."
    alt = f"Fourteen points, the true curve, and the fit of {label}. {reading}"
    axes = Axis("x"), Axis("y", limits=(-2.0, 2.4))
    series = curves(points, {"fit": fit})
    return LineFigure("polynomial-slide", label, reading, alt, *axes, series, wide=True)


def run(*, full: bool = False, draws: int = 12) -> Outcome:
    """Run the experiment on `draws` sets of points (100 when full).

    The path is of the first draw. The means over draws are of scikit-learn's fits, which are shown
    to be the same and are faster on fourteen points.
    """
    sets = [drawn(seed) for seed in range(100 if full else draws)]
    outcome = Outcome(
        f"{len(sets)} draws of {POINTS} points around sin 2.5x, each with one outlier"
    )
    errors = {f"degree {d}": [off_truth(plain_fit(p, d)) for p in sets] for d in (LOW, HIGH)}
    for name in PENALTIES:
        errors[f"degree 10, {name}"] = [off_truth(their_fit(p, name, STRENGTHS)) for p in sets]
    outcome.table(
        "root mean squared distance, mean over the draws",
        ("fit", "distance from the true curve", "standard error"),
        [(name, *mean_and_error(values)) for name, values in errors.items()],
    )

    # The first draw: a path for each penalty, judged on the true curve.
    points, on_grid = sets[0], columns(GRID)
    fits = {f"degree {d}": plain_fit(points, d) for d in (HIGH, LOW)}
    rows, walk, distances, chosen = [], [], [], []
    degrees = range(1, HIGH + 1)
    slides = tuple(slide(points, plain_fit(points, d), f"degree {d}") for d in degrees)
    walk.append(Row("no penalty", "degree", tuple(map(str, degrees)), slides, start=LOW - 1))
    for name, penalty in PENALTIES.items():
        path = fit_path(
            *("linear", columns(points[0]), points[1]),
            penalty=penalty,
            strengths=STRENGTHS,
            test=(on_grid, TRUTH),
            dtype="float64",
            folds=FOLDS,
            refit="all",
            progress=False,
        )
        outcome.path(f"path-{name.replace(' ', '-')}", path)
        best, along = path.best, [path.predict(on_grid, i) for i in range(len(STRENGTHS))]
        theirs = their_fit(points, name, (best.strength,))
        agreement = float(np.abs(theirs - path.predict(on_grid, "best")).max())
        rows.append((name, best.strength, f"{best.nonzero} of {HIGH}", agreement))
        plain, mine = np.array(errors["degree 10"]), np.array(errors[f"degree 10, {name}"])
        gain, error = mean_and_error(plain - mine)
        outcome.at_least(f"{name} nearer to the truth, in standard errors", gain / error, 2.0)
        line, index = np.array([off_truth(fit) for fit in along]), best.index or 0
        distances.append(Series(name, path.strengths, line, COLOURS[name]))
        spot = path.strengths[[index]], line[[index]]
        chosen.append(Series(f"chosen, {name}", *spot, COLOURS[name], Kind.SPOT))
        values, label = tuple(f"{s:.3g}" for s in STRENGTHS), f"degree {HIGH}, {name}"
        slides = tuple(
            slide(points, fit, f"{label}, strength {value}")
            for fit, value in zip(along, values, strict=True)
        )
        walk.append(Row(label, "strength", values, slides, start=index))
        if name == "lasso":
            fits = {"degree 10, lasso": path.predict(on_grid, "best"), **fits}
    names = ("penalty", "strength", "coefficients left", "difference from scikit-learn")
    outcome.table("the first draw: chosen by cross validation", names, rows)
    outcome.at_most("difference from scikit-learn", max(row[3] for row in rows), 1e-6)
    outcome.pages["polynomial-slider"] = Slides(
        "One set of points, and the polynomial that a degree or a penalty makes of it",
        "A high degree follows the outlier and swings at the ends. A penalty on degree 10 gives "
        "the smooth curve back, and too much of it flattens the curve.",
        tuple(walk),
    )
    outcome.figure(
        "polynomial-curves",
        "Too many degrees of freedom, and a penalty on them",
        "Degree 10 without a penalty bends to the outlier and to the noise at the ends; with lasso "
        f"at strength {chosen[1].x[0]:.2g} it is as smooth as degree 3.",
        alt="Fourteen points, one far off, and four curves.",
        x=Axis("x"),
        y=Axis("y"),
        series=curves(points, fits),
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
