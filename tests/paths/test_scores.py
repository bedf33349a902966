"""Scorers: sets that lack a class, positive labels, one's own; and the model without inputs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import f1_score, fbeta_score, log_loss, make_scorer, roc_auc_score

from shrinkage.datasets import TargetEncoding
from shrinkage.errors import InputError
from shrinkage.paths.choosing.constant import constant_outputs
from shrinkage.paths.choosing.scores import Scorer, label_called, scoring_quietly
from shrinkage.paths.options import PathOptions

random = np.random.default_rng(0)
THREE = TargetEncoding("classification", classes=("a", "b", "c"))
TWO = TargetEncoding("classification", classes=("no", "yes"))
NUMBERS = TargetEncoding("regression", mean=5.0, scale=2.0)


def outputs_for(encoding: TargetEncoding, rows: int) -> np.ndarray:
    return random.normal(size=(1, encoding.n_outputs, rows))


def shares(outputs: np.ndarray) -> np.ndarray:
    exponentials = np.exp(outputs[0].T)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_a_set_that_lacks_a_class_has_a_log_loss():
    y = np.array(["a", "c", "a", "c", "c"], dtype=object)
    outputs = outputs_for(THREE, 5)
    assert Scorer("neg_log_loss").undefined(y, None, THREE) == ""
    score = Scorer("neg_log_loss").score(outputs, y, None, THREE)
    expected = -log_loss(y, shares(outputs), labels=["a", "b", "c"])
    np.testing.assert_allclose(score, [expected], rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "encoding", "labels"),
    [("roc_auc", TWO, ["yes"] * 4), ("roc_auc_ovr", THREE, ["a", "b", "a", "b"])],
)
def test_an_area_without_a_class_is_undefined_with_a_reason(name, encoding, labels):
    y = np.array(labels, dtype=object)
    scorer = Scorer(name)
    scorer.check(encoding)
    assert scorer.undefined(y, None, encoding)
    with scoring_quietly():
        assert np.isnan(scorer.score(outputs_for(encoding, 4), y, None, encoding)).all()


def test_one_row_has_no_r_squared():
    assert Scorer("r2").undefined(np.array([3.0]), None, NUMBERS)
    assert not Scorer("r2").undefined(np.array([3.0, 4.0]), None, NUMBERS)


def test_one_large_count_has_a_score():
    """Made-up outputs are logarithms there: a share of the range of counts is too much."""
    encoding = TargetEncoding("regression", link="log")
    assert not Scorer("d2_poisson").undefined(np.array([0.0, 1.0, 2.0, 1e6]), None, encoding)


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "roc_auc", "balanced_accuracy"])
def test_whole_numbers_of_a_regression_are_not_scored_as_classes(name):
    with pytest.raises(InputError, match="cannot score this regression"):
        Scorer(name).check(TargetEncoding("regression"))


def test_predictions_without_a_score_have_none():
    y = np.array([1.0, 2.0, 3.0])
    scorer = Scorer("neg_mean_squared_log_error")
    scorer.check(NUMBERS)
    assert not scorer.undefined(y, None, NUMBERS)
    assert np.isnan(scorer.score(np.array([[[-9.0, 1.0, 1.0]]]), y, None, NUMBERS)).all()


def test_the_positive_label_is_what_precision_and_kin_are_about():
    y = np.array(["no", "yes", "yes", "no", "no", "yes"], dtype=object)
    outputs = outputs_for(TWO, 6)
    predicted = TWO.decode(outputs[0].argmax(axis=0))
    for place, label in enumerate(TWO.classes):
        score = Scorer("f1", label).score(outputs, y, None, TWO)
        assert score == [f1_score(y, predicted, pos_label=label)]
        area = Scorer("roc_auc", label).score(outputs, y, None, TWO)
        np.testing.assert_allclose(area, roc_auc_score(y == label, shares(outputs)[:, place]))
    with pytest.raises(
        InputError, match=r"positive class.*--positive no or --positive yes|class is"
    ):
        Scorer("f1").check(TWO)


@pytest.mark.parametrize("name", ["maybe", 1])
def test_a_positive_label_that_there_is_not(name):
    with pytest.raises(InputError, match="one of the two labels"):
        label_called(name, TWO)
    with pytest.raises(InputError, match="one of the two labels"):
        label_called(name, THREE)
    assert label_called("1", TargetEncoding("classification", classes=(0, 1))) == 1


def test_scorers_of_ones_own_are_called_and_recorded_as_text():
    y = np.array(["a", "b", "c", "a"], dtype=object)
    outputs = outputs_for(THREE, 4)
    scorer = Scorer.of(make_scorer(fbeta_score, beta=2, average="macro", zero_division=0))
    predicted = THREE.decode(outputs[0].argmax(axis=0))
    expected = fbeta_score(y, predicted, beta=2, average="macro", zero_division=0)
    assert scorer.score(outputs, y, None, THREE) == [expected]
    kept = PathOptions(scorer=make_scorer(fbeta_score, beta=2)).to_dict()["scorer"]
    assert isinstance(kept, str)
    assert "beta=2" in kept


def test_a_scorer_that_takes_no_weights_says_so():
    def hits(estimator, X, y):
        return float(np.mean(estimator.predict(X) == y))

    Scorer.of(hits).check(THREE)
    with pytest.raises(InputError, match="no-score-weights"):
        Scorer.of(hits).check(THREE, weighted=True)
    with pytest.raises(InputError, match="got 3"):
        Scorer.of(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_model_without_inputs_is_scikit_learns(weighted):
    weight = random.uniform(0.5, 2.0, 30) if weighted else None
    labels = random.choice(THREE.classes, 30, p=[0.5, 0.3, 0.2]).astype(object)
    X = np.zeros((30, 1))
    dummy = DummyClassifier(strategy="prior").fit(X, labels, sample_weight=weight)
    outputs = constant_outputs(THREE, labels, weight, 2)
    np.testing.assert_allclose(shares(outputs), dummy.predict_proba(X[:2]), rtol=1e-12)
    y = random.normal(5, 2, 30)
    mean = DummyRegressor().fit(X, y, sample_weight=weight).predict(X[:2])
    outputs = constant_outputs(NUMBERS, y, weight, 2)
    np.testing.assert_allclose(NUMBERS.decode(outputs[0, 0]), mean, rtol=1e-12)


def test_numbers_of_numpy_are_numbers():
    options = PathOptions(folds=np.int64(3), seed=np.int32(1), test_size=np.float32(0.25))  # type: ignore[arg-type]
    assert (type(options.folds), type(options.seed), type(options.test_size)) == (int, int, float)
    strengths = PathOptions(strengths=tuple(np.float32([0.1, 1.0]))).to_dict()["strengths"]
    assert all(type(value) is float for value in strengths)  # type: ignore[union-attr]


@pytest.mark.parametrize("metric", [f1_score, log_loss])
def test_a_metric_that_is_no_scorer_is_refused_and_what_makes_one_is_told(metric):
    with pytest.raises(InputError, match=r"of \(estimator, X, y\).*make_scorer\(.*makes one"):
        Scorer.of(metric)
