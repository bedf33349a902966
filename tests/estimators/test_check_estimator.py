"""scikit-learn's own battery passes on all four classes: nothing failed, nothing expected to."""

from __future__ import annotations

import warnings

import pytest
from sklearn.utils.estimator_checks import check_estimator

from shrinkage.estimators import (
    ShrinkageClassifier,
    ShrinkageClassifierCV,
    ShrinkageRegressor,
    ShrinkageRegressorCV,
)

# A path and a network by default train for a minute and more in these; what they do is the same.
QUICK = (
    ShrinkageClassifier("linear"),
    ShrinkageRegressor("linear"),
    ShrinkageClassifier(epochs=8),
    ShrinkageRegressor(epochs=30),
    ShrinkageClassifierCV("linear", strengths=(0.001, 0.1), cv=2),
    ShrinkageRegressorCV("linear", strengths=(0.001, 0.1), cv=2),
)
DEFAULT = (
    ShrinkageClassifier(),
    ShrinkageRegressor(),
    ShrinkageClassifierCV(),
    ShrinkageRegressorCV(),
)


def passed(estimator: object) -> None:
    """Run the battery; raises where a check fails, and asserts that none is excused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_skip=None)
    # The one about arrays of other libraries is skipped for all where SciPy is not told to try.
    others = [r["check_name"] for r in results if r["status"] != "passed"]
    assert set(others) <= {"check_array_api_input"}
    assert len(results) > 50


@pytest.mark.slow
@pytest.mark.parametrize("estimator", QUICK, ids=str)
def test_the_battery_passes(estimator):
    passed(estimator)


@pytest.mark.thorough
@pytest.mark.parametrize("estimator", DEFAULT, ids=str)
def test_the_battery_passes_by_default(estimator):
    passed(estimator)
