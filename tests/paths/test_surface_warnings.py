"""What is said of a surface whose best cell is at the end of its grid."""

from __future__ import annotations

import numpy as np

from shrinkage import L1, L2, fit_surface


def said_of(noise):
    """Return the sentences about ends, for a target that follows from a column, or is noise."""
    random = np.random.default_rng(0)
    X = random.normal(size=(80, 4))
    y = random.normal(size=80) if noise else X[:, 0]
    strengths = ((1e-4, 3.0), (1e-6, 1e-4)) if noise else ((1e-4, 1e-3), (1e-4, 1e-3))
    surface = fit_surface("linear", X, y, penalties=(L1(), L2()), strengths=strengths, folds=3)
    return [text for text in surface.warnings if "on the grid" in text]


def test_beyond_an_end_without_a_weight_there_is_nothing():
    (text,) = said_of(noise=True)
    assert "every weight is zero: no model of this surface does better than a constant" in text
    (text,) = said_of(noise=False)
    assert "reach further" in text
