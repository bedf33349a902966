"""Figures of the experiment `polynomial`: curves, paths, and a walk with a slider.

Who uses this: the experiment, after its fits.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shrinkage.drawing.figures import Axis, Kind, LineFigure, Series
from shrinkage.drawing.text import strength_text
from shrinkage.examples.polynomial_points import (
    GRID,
    HIGH,
    LOW,
    Points,
    columns,
    off_truth,
    plain_fit,
    truth,
)
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.reports.slides import Row, Slides


def curves_figure(points: Points, lasso: FittedPath) -> LineFigure:
    """Return degree 3, degree 10 and degree 10 with lasso through the same points."""
    values = {
        "degree 3": plain_fit(points, LOW),
        "degree 10": plain_fit(points, HIGH),
        "degree 10, lasso": lasso.predict(columns(GRID), "best"),
    }
    reading = (
        "Degree 10 without a penalty bends to the outlier and to the noise at the ends; with lasso "
        f"at strength {lasso.best.strength:.2g} it is as smooth as degree 3."
    )
    lines = zip(values.items(), ("training", "simple", "best"), strict=True)
    return LineFigure(
        key="polynomial-curves",
        title="Too many degrees of freedom, and a penalty on them",
        reading=reading,
        alt=f"Fourteen points, one far off, and four curves. {reading}",
        x=Axis("x"),
        y=Axis("y"),
        series=(
            Series("true curve", GRID, truth(GRID), "unregularized", Kind.DASHED),
            *(Series(name, GRID, curve, colour) for (name, curve), colour in lines),
            Series("points", points.x, points.y, "ink", Kind.SPOT),
        ),
        wide=True,
    )


def path_figure(paths: Mapping[str, FittedPath]) -> LineFigure:
    """Return the distance from the true curve along each path."""
    colours = zip(paths.items(), ("best", "simple", "training"), strict=True)
    series = [
        Series(name, path.strengths, _distances(path), colour) for (name, path), colour in colours
    ]
    chosen = [
        Series(
            f"chosen, {name}",
            np.array([path.best.strength]),
            _distances(path)[path.strengths == path.best.strength],
            colour,
            Kind.SPOT,
        )
        for (name, path), colour in zip(paths.items(), ("best", "simple", "training"), strict=True)
    ]
    reading = (
        "Too little penalty follows the noise, too much flattens the curve; the best is between."
    )
    return LineFigure(
        key="polynomial-path",
        title="Distance from the true curve along the path, degree 10",
        reading=reading,
        alt=f"Three curves over the strength, large points where cross validation chose. {reading}",
        x=Axis("strength λ (log scale), stronger to the right", log=True),
        y=Axis("distance from the true curve"),
        series=(*series, *chosen),
        wide=True,
    )


def _distances(path: FittedPath) -> np.ndarray:
    features = columns(GRID)
    return np.array([off_truth(path.predict(features, i)) for i in range(len(path.strengths))])


def walk(points: Points, paths: Mapping[str, FittedPath]) -> Slides:
    """Return slides of the fits: over the degree without a penalty, and over each strength."""
    degrees = tuple(range(1, HIGH + 1))
    fits = [plain_fit(points, degree) for degree in degrees]
    rows = [
        Row(
            "no penalty",
            "degree",
            tuple(map(str, degrees)),
            tuple(_slide(points, fit, f"degree {d}") for d, fit in zip(degrees, fits, strict=True)),
            start=LOW - 1,
        )
    ]
    for name, path in paths.items():
        values = tuple(map(strength_text, path.strengths))
        fits = [path.predict(columns(GRID), place) for place in range(len(values))]
        labels = [f"degree {HIGH}, {name}, strength {value}" for value in values]
        figures = tuple(_slide(points, fit, label) for fit, label in zip(fits, labels, strict=True))
        rows.append(
            Row(f"degree {HIGH}, {name}", "strength", values, figures, path.best.index or 0)
        )
    return Slides(
        "One set of points, and the polynomial that a degree or a penalty makes of it",
        "A high degree follows the outlier and swings at the ends. A penalty on degree 10 gives "
        "the smooth curve back, and too much of it flattens the curve.",
        tuple(rows),
    )


def _slide(points: Points, fit: np.ndarray, label: str) -> LineFigure:
    reading = f"Distance from the true curve: {off_truth(fit):.2f}."
    return LineFigure(
        key="polynomial-slide",
        title=label,
        reading=reading,
        alt=f"Fourteen points, the true curve, and the fit of {label}. {reading}",
        x=Axis("x"),
        y=Axis("y", limits=(-2.0, 2.4)),
        series=(
            Series("true curve", GRID, truth(GRID), "unregularized", Kind.DASHED),
            Series("fit", GRID, fit, "best"),
            Series("points", points.x, points.y, "ink", Kind.SPOT),
        ),
        wide=True,
    )
