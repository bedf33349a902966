"""How the units of all folds are joined: curves, strengths that are added, status."""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.paths.choosing.cross_validation import CrossValidation
from shrinkage.paths.choosing.rules import Choice
from shrinkage.paths.results import Status
from shrinkage.paths.results.traces import learning_curves
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.settings import Settings


def table_of(*strengths: float) -> Settings:
    """Return settings of one term."""
    return Settings(("l1",), tuple((strength,) for strength in strengths))


def cross_validation(count: int = 3, folds: int = 2) -> CrossValidation:
    """Return strengths 1, 2, … whose every number is its own."""
    random = np.random.default_rng(3)
    outcome = [
        UnitOutcome(
            {
                "score": random.normal(size=count + 1),
                "status": np.zeros(count + 1),
                "curve/epochs": np.array([1, 2]),
                "curve/train_loss": random.normal(size=(2, count + 1)),
                "curve/validation_loss": random.normal(size=(2, count + 1)),
                "curve/validation_score": random.normal(size=(2, count + 1)),
            }
        )
        for _ in range(folds)
    ]
    found = CrossValidation.of(table_of(0.0, *(1.0 + k for k in range(count))), outcome)
    np.testing.assert_array_equal(found.measures["score"][:, 1], outcome[1].values["score"][1:])
    assert found.unregularized is not None
    np.testing.assert_array_equal(
        found.unregularized.measures["score"][0], [part.values["score"][0] for part in outcome]
    )
    for name in ("train_loss", "validation_loss", "validation_score"):
        zero = [part.values[f"curve/{name}"][:, 0] for part in outcome]
        np.testing.assert_array_equal(found.unregularized.curves[name][0].T, zero)
    return found


def test_curves_are_fold_means_of_the_models_that_they_name():
    found = cross_validation()
    assert found.unregularized is not None
    drawn = {curve.role: curve for curve in learning_curves(found, Choice(0, 2))}
    for role, source, row in (
        ("best", found, 0),
        ("one_standard_error", found, 2),
        ("unregularized", found.unregularized, 0),
    ):
        assert drawn[role].strength == source.strengths[row]
        for name in ("train_loss", "validation_loss", "validation_score"):
            expected = source.curves[name][row].mean(axis=1)
            np.testing.assert_array_equal(getattr(drawn[role], name), expected)


@pytest.mark.parametrize("below", [True, False])
def test_added_strengths_and_their_numbers_go_to_their_side(below):
    found = cross_validation()
    added = (0.25, 0.5) if below else (4.0, 5.0)
    values = {name: np.full((2, 2), 9.0) for name in ("a", "b")}
    extra = [
        UnitOutcome(
            {
                "score": np.array([7.0, 8.0]),
                "status": np.zeros(2),
                "curve/epochs": np.array([1, 2]),
                "curve/train_loss": values["a"],
                "curve/validation_loss": values["a"],
                "curve/validation_score": values["b"],
            }
        )
    ] * 2
    longer = found.extended(table_of(*added), extra, below=below)
    assert list(longer.strengths) == sorted((*found.strengths, *added))
    place = slice(0, 2) if below else slice(3, 5)
    rest = slice(2, 5) if below else slice(0, 3)
    np.testing.assert_array_equal(longer.mean[place], [7.0, 8.0])
    np.testing.assert_array_equal(longer.mean[rest], found.mean)
    np.testing.assert_array_equal(longer.curves["train_loss"][place], 9.0)
    assert longer.unregularized is found.unregularized


def test_status_of_a_strength_over_its_folds():
    known = list(Status)
    rows = {
        Status.DIVERGED: ("ok", "diverged", "collapsed"),
        Status.COLLAPSED: ("collapsed", "ok", "collapsed"),
        Status.NOT_CONVERGED: ("not_converged", "ok", "collapsed"),
        Status.OK: ("ok", "ok", "collapsed"),
    }
    codes = np.array([[known.index(Status(word)) for word in row] for row in rows.values()])
    found = CrossValidation(table_of(1.0, 2.0, 3.0, 4.0), {"status": codes}, {}, np.array([]))
    assert found.status == tuple(rows)
