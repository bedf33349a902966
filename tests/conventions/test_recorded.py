"""Weights that adelie and glmnet found on the tests' problem, against their published formulas.

Neither installs beside the other libraries. Recorded on 30 November 2026 at tolerances of 1e-15 or
less, on the columns of `problem.data`, strength 0.05, no intercept: adelie 1.1.52,
`grpnet(X, glm.gaussian(y) or glm.binomial(y), alpha=, groups=)`; python-glmnet 2.6.1, `ElasticNet`
and `LogitNet`, `standardize=False` or True. It found those of log loss to 3e-9.
"""

from __future__ import annotations

import numpy as np
import pytest

from shrinkage.conventions import convert
from tests.conventions.libraries import IN_PROCESS
from tests.conventions.problem import data, run_of

STRENGTH = 0.05
RECORDED = [
    ("adelie.grpnet.lmda", "half", 1.0, (0.498730337, -0.102748606, 0.328707808)),
    ("adelie.grpnet.lmda", "half", 0.25, (0.502471977, -0.147937128, 0.362730818)),
    ("adelie.grpnet.lmda", "logistic", 1.0, (0.54323059, -0.797153357, 0.043348575)),
    ("adelie.grpnet.lmda", "logistic", 0.25, (0.612429339, -0.949745848, 0.23861025)),
    ("adelie.grpnet.groups.lmda", "half", None, (0.483910997, -0.149241973, 0.332799003)),
    ("adelie.grpnet.groups.lmda", "logistic", None, (0.520560927, -0.609900615, 0.196680773)),
    ("glmnet.lambda", "half", 1.0, (0.498730337, -0.102748606, 0.328707808)),
    ("glmnet.lambda", "half", 0.25, (0.502471977, -0.147937128, 0.362730818)),
    ("glmnet.lambda", "logistic", 1.0, (0.543230589, -0.797153357, 0.043348575)),
    ("glmnet.lambda", "logistic", 0.25, (0.612429337, -0.949745846, 0.23861025)),
]
STANDARDIZED = [
    ("half", 1.0, (0.486933876, -0.12134229, 0.341121958)),
    ("half", 0.25, (0.490645852, -0.15817796, 0.371716222)),
    ("logistic", 1.0, (0.501946614, -0.994058838, 0.116244603)),
    ("logistic", 0.25, (0.562534007, -1.164524382, 0.285404011)),
]


@pytest.mark.parametrize(("name", "loss", "l1_ratio", "weights"), RECORDED)
def test_the_formula_has_the_weights_that_the_library_found(name, loss, l1_ratio, weights) -> None:
    run = run_of(name, STRENGTH, loss=loss, l1_ratio=l1_ratio)
    np.testing.assert_allclose(IN_PROCESS[name](run), weights, rtol=0, atol=2e-8)


@pytest.mark.parametrize(("loss", "l1_ratio", "weights"), STANDARDIZED)
def test_glmnet_penalises_columns_divided_by_their_deviation(loss, l1_ratio, weights) -> None:
    run = run_of("glmnet.lambda", STRENGTH, loss=loss, l1_ratio=l1_ratio)
    deviation = data(loss)[0].std(axis=0)
    scaled = {**run, "X": (np.array(run["X"]) / deviation).tolist()}
    found = IN_PROCESS["glmnet.lambda"](scaled) / deviation
    np.testing.assert_allclose(found, weights, rtol=0, atol=2e-8)
    assert np.abs(IN_PROCESS["glmnet.lambda"](run) - weights).max() > 1e-2


def test_a_weight_is_penalised_by_its_columns_deviation() -> None:
    """One column, where the strength that the condition speaks of is one number."""
    run = run_of("glmnet.lambda", STRENGTH, loss="half", l1_ratio=1.0)
    column = np.array(run["X"])[:, :1]
    deviation = column.std()
    standardized = {**run, "X": (column / deviation).tolist()}
    plain = {**run, "X": column.tolist(), "number": STRENGTH * deviation}
    first, second = (IN_PROCESS["glmnet.lambda"](own) for own in (standardized, plain))
    np.testing.assert_allclose(first / deviation, second, rtol=1e-9)
    said = convert(STRENGTH, "glmnet.lambda", "shrinkage.l1", l1_ratio=1).valid_when
    assert "the L1 of a weight is its column's deviation times as strong" in said
