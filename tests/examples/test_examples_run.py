"""The quick or a smaller form of every experiment, on digits: its stated facts, not its accuracy.

`make examples` runs the sizes that are documented. Here the sizes are small, so the bars of
accuracy are not those of an experiment; what must hold at any size is asserted by name.
"""

from __future__ import annotations

import numpy as np
import pytest

import cross_validation
import dropout
import feature_selection
import l1_vs_l2
import numpy_weight_decay
import polynomial
import torch_adam_weight_decay
import torch_elastic_net
import torch_l1
import torch_l2
import zero_strength
from common import Outcome, Table
from shrinkage.reports import Slides
from tests.selecting import in_pairs


def check(outcome: Outcome, name: str):
    return {check.name: check for check in outcome.checks}[name]


def met(outcome: Outcome, *names: str) -> bool:
    return all(check(outcome, name).met for name in names)


FAMILIES = {
    "torch-l1": torch_l1,
    "torch-l2": torch_l2,
    "torch-adam-weight-decay": torch_adam_weight_decay,
    "torch-elastic-net": torch_elastic_net,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", in_pairs(FAMILIES, ("torch-l1", "torch-l2").__contains__))
def test_published_strength_collapses_and_the_audit_says_so(name):
    outcome = FAMILIES[name].run(data="digits", epochs=20)  # of the loop: enough to collapse
    assert met(
        outcome,
        "test accuracy as published",
        "the audit predicts the collapse",
        "the audit passes the chosen strength",
        "test accuracy of the best",
    ), outcome.checks
    assert len(outcome.figures) == 2


@pytest.mark.slow
def test_polynomial_agrees_with_scikit_learn_and_is_nearer_to_the_truth():
    outcome = polynomial.run(draws=2)
    assert met(outcome, "difference from scikit-learn"), outcome.checks
    slides = outcome.pages["polynomial-slider"]
    assert isinstance(slides, Slides)
    rows = slides.rows
    assert [len(row.figures) for row in rows] == [10, 8, 8, 8]
    weakest, strongest = (rows[2].figures[place].series[1].y for place in (0, -1))
    assert np.ptp(strongest) < 0.5 * np.ptp(weakest)


def test_zero_strength_is_the_unregularized_run():
    outcome = zero_strength.run(steps=6)
    assert outcome.met, outcome.checks
    (figure,) = outcome.figures
    above, zero = figure.series
    assert (np.diff(above.y) > 0).all()
    assert zero.y < above.y.min()


def test_the_published_decay_changes_no_weight_and_the_mended_one_does():
    outcome = numpy_weight_decay.run(data="digits", seeds=2, epochs=2)
    assert met(
        outcome,
        "λ = 0, 0.001 and 1 train identical weights",
        "the audit says no-effect",
        "the audit passes the mended step",
    ), outcome.checks


# Keras 3.15 asks NumPy 2 for an array in the way of NumPy 1.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_is_twice_pytorch_and_refuses_the_argument():
    pytest.importorskip("keras", reason="needs Keras 3, an extra")
    import keras_l2

    outcome = keras_l2.run(steps=50)
    in_keras, in_torch = outcome.figures[0].series[2:]
    assert in_torch.x.tolist() == [0]
    assert in_keras.x.tolist() == [0, 10, 20, 30, 40, 50]
    assert check(outcome, "Keras refuses the argument").met
    assert check(outcome, "difference at the converted strength").met
    assert check(outcome, "the audit finds the factor").met
    assert check(outcome, "the audit passes the converted strength").met


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_three_frameworks_train_the_same_weights():
    pytest.importorskip("keras", reason="needs Keras 3, an extra")
    import three_frameworks

    outcome = three_frameworks.run(data="digits", steps=30)
    assert outcome.met, outcome.checks
    # That the comparison can tell: float32 rounds where float64 does not.
    assert check(outcome, "difference of a weight, Keras in float32").value > 1e-9
    (figure,) = outcome.figures
    assert [series.x[-1] for series in figure.series] == [30, 30]


@pytest.mark.slow
def test_l1_makes_zeros_and_l2_none():
    outcome = l1_vs_l2.run(data="wine", splits=2, epochs=3)
    assert check(outcome, "exact zeros of L2").value == 0.0
    assert check(outcome, "exact zeros of L1").value > 0.0
    (figure,) = outcome.figures
    assert len(figure.series) == 4


@pytest.mark.slow
def test_dropout_is_chosen_among_its_rates():
    outcome = dropout.run(data="wine", splits=2, epochs=3)
    (table,) = outcome.parts.values()
    assert isinstance(table, Table)
    rows = {row[0]: row for row in table.rows}
    assert set(rows) == {"none", "L2", "dropout"}
    assert 0.1 <= rows["dropout"][3] <= 0.5


def test_groups_take_whole_inputs():
    outcome = feature_selection.run(data="breast-cancer", strengths=4, folds=2, epochs=100)
    kept = {
        title: np.array([row[1] for row in table.rows])
        for title, table in outcome.parts.items()
        if isinstance(table, Table)
    }
    groups = next(values for title, values in kept.items() if title.startswith("groups"))
    assert (np.diff(groups) <= 0).all()
    assert groups[-1] < groups[0]


def test_cross_validation_leaves_fewer_weights_one_standard_error_away():
    outcome = cross_validation.run(strengths=4, epochs=3)
    (table,) = outcome.parts.values()
    assert isinstance(table, Table)
    rows = {row[0]: row for row in table.rows}
    assert rows["unregularized"][1] == 0.0
    assert rows["one standard error"][1] >= rows["best"][1]
