"""Targets of shape (n, targets): the models that each has alone, in scikit-learn's shapes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from shrinkage.errors import InputError
from shrinkage.estimators import (
    ShrinkageClassifier,
    ShrinkageClassifierCV,
    ShrinkageRegressor,
    ShrinkageRegressorCV,
)

ROWS = 90


@pytest.fixture(scope="module")
def tables():
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, 5)) * [1, 2, 3, 1, 1]
    numbers = X[:, :2] @ random.normal(size=(2, 3)) + 0.1 * random.normal(size=(ROWS, 3)) + 5
    labels = (X[:, :2] + 0.5 * random.normal(size=(ROWS, 2)) > 0.3).astype(int)
    return X, numbers, labels


def test_several_numbers_are_a_lasso_each(tables):
    X, numbers, _ = tables
    model = ShrinkageRegressor("linear", strength=0.1, standardize=False).fit(X, numbers)
    each = [Lasso(0.1, tol=1e-10).fit(X, numbers[:, place]) for place in range(3)]
    np.testing.assert_allclose(model.coef_, [own.coef_ for own in each], atol=1e-9)
    np.testing.assert_allclose(model.intercept_, [own.intercept_ for own in each], atol=1e-9)
    expected = np.column_stack([own.predict(X) for own in each])
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-9)


def test_a_group_lasso_keeps_an_input_for_all_targets_or_none(tables):
    X, numbers, _ = tables
    model = ShrinkageRegressor("linear", penalty="group-lasso", strength=0.3).fit(X, numbers)
    used = model.coef_ != 0
    assert (used.all(axis=0) | ~used.any(axis=0)).all()
    np.testing.assert_array_equal(model.feature_importances_ > 0, used.any(axis=0))


def test_several_labels_are_a_logistic_regression_each(tables):
    X, _, labels = tables
    options = {"penalty": "l2", "strength": 0.01, "standardize": False}
    model = ShrinkageClassifier("linear", **options).fit(X, labels)
    each = [
        LogisticRegression(C=1 / (0.01 * ROWS), tol=1e-10, max_iter=1_000).fit(X, label)
        for label in labels.T
    ]
    expected = np.column_stack([own.predict_proba(X)[:, 1] for own in each])
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), expected, atol=1e-5)
    np.testing.assert_array_equal(model.predict(X), model.decision_function(X) > 0)
    assert model.coef_.shape == (2, 5)
    assert model.intercept_.shape == (2,)
    sparsely = ShrinkageClassifier("linear", **options).fit(X, sparse.csr_matrix(labels))
    np.testing.assert_array_equal(sparsely.coef_, model.coef_)


def test_scikit_learn_scores_labels_and_numbers(tables):
    X, numbers, labels = tables
    names = ["accuracy", "f1_macro", "roc_auc", "average_precision"]
    found = cross_validate(ShrinkageClassifier("linear"), X, labels, scoring=names, cv=3)
    assert all(found[f"test_{name}"].mean() > 0.5 for name in names)
    search = GridSearchCV(ShrinkageRegressor("linear"), {"strength": [0.01, 10.0]}, cv=3)
    assert search.fit(X, numbers).best_params_ == {"strength": 0.01}


@pytest.mark.parametrize(
    ("make", "of", "score"),
    [(ShrinkageRegressorCV, 1, "r2"), (ShrinkageClassifierCV, 2, "mean_average_precision")],
    ids=["numbers", "labels"],
)
def test_a_strength_is_chosen_for_all_targets(tables, make, of, score):
    model = make("linear", strengths=(0.001, 0.01, 0.1), cv=3).fit(tables[0], tables[of])
    assert model.path_.score_name == score
    assert model.cv_scores_.shape == (3, 3)
    assert model.score(tables[0], tables[of]) > 0.6


@pytest.mark.parametrize(
    ("make", "of"),
    [(ShrinkageRegressor, 1), (ShrinkageClassifier, 2)],
    ids=["numbers", "labels"],
)
def test_networks_learn_several_targets_at_once_or_in_parts(tables, make, of):
    X, y = tables[0], tables[of]
    network = make("mlp:8", epochs=60, learning_rate=0.03)
    assert network.fit(X, y).score(X, y) > 0.7
    parts = make("mlp:8", learning_rate=0.03)
    for _ in range(60):
        parts.partial_fit(X, y)
    assert parts.predict(X).shape == y.shape
    assert parts.score(X, y) > 0.7
    with pytest.raises(InputError, match="give the same targets"):
        parts.partial_fit(X, y[:, 0])


def test_onnx_files_of_several_targets_predict_the_same(tables, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    X, _, labels = tables
    model = ShrinkageClassifier("linear").fit(X, labels)
    file = model.to_onnx(tmp_path / "labels.onnx")
    session = onnxruntime.InferenceSession(file.path.read_bytes())
    (found,) = session.run(None, {"input": X})
    np.testing.assert_allclose(found, model.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize(
    "of", [lambda y: y + y[:, ::-1], lambda y: np.where(y, "yes", "no")], ids=["three", "text"]
)
def test_classes_in_several_columns_are_refused(tables, of):
    with pytest.raises(InputError, match="MultiOutputClassifier"):
        ShrinkageClassifier("linear").fit(tables[0], of(tables[2]))


def test_class_weights_of_labels_are_refused(tables):
    X, _, labels = tables
    model = ShrinkageClassifier("linear", class_weight={1: 2.0})
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(InputError, match="expected classes for class_weight"):
            fit(X, labels)
