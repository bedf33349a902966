"""The estimators in what people build of scikit-learn, and what they give back."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shrinkage import L1, L2, ElasticNet, fit_path
from shrinkage.estimators import (
    ShrinkageClassifier,
    ShrinkageClassifierCV,
    ShrinkageRegressor,
    ShrinkageRegressorCV,
)

FLOWERS, KINDS = (np.asarray(part) for part in load_iris(return_X_y=True))
NAMES = np.array(["setosa", "versicolor", "virginica"])[KINDS]
PEOPLE, PROGRESS = (np.asarray(part) for part in load_diabetes(return_X_y=True))
FEW = {"strengths": (0.003, 0.03, 0.3), "cv": 3}


def test_coefficients_are_those_of_the_lasso_in_the_columns_own_units():
    X = PEOPLE * np.arange(1, 11) + 3
    plain = ShrinkageRegressor("linear", strength=0.05, standardize=False).fit(X, PROGRESS)
    peer = Lasso(alpha=0.05, tol=1e-12, max_iter=100_000).fit(X, PROGRESS)
    np.testing.assert_allclose(plain.coef_, peer.coef_, rtol=1e-4, atol=1e-3)
    scaled = ShrinkageRegressor("linear", strength=5.0).fit(X, PROGRESS)
    steps = StandardScaler().fit(X)
    peer = Lasso(alpha=5.0, tol=1e-12).fit(steps.transform(X), PROGRESS)
    np.testing.assert_allclose(scaled.coef_ * steps.scale_, peer.coef_, rtol=1e-4, atol=1e-4)
    assert ((scaled.coef_ == 0) == (peer.coef_ == 0)).all()
    np.testing.assert_allclose(X @ scaled.coef_ + scaled.intercept_, scaled.predict(X))


def test_two_classes_have_one_row_of_coefficients_as_logistic_regression():
    X, y = StandardScaler().fit_transform(FLOWERS[50:]), NAMES[50:]
    model = ShrinkageClassifier("linear", penalty="l2", strength=0.02, standardize=False).fit(X, y)
    # w and −w/2, w/2 of two outputs: half of the square, so that the strength is halved
    peer = LogisticRegression(C=1 / (len(X) * 0.01), tol=1e-10, max_iter=10_000).fit(X, y)
    assert model.coef_.shape == (1, 4)
    assert model.intercept_.shape == (1,)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-4)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=1e-5)
    assert (model.predict(X) == peer.predict(X)).all()


@pytest.mark.parametrize("model", ["linear", "mlp:6"])
def test_the_model_of_a_strength_is_that_of_the_path(model):
    options = {"epochs": 6, "batch_size": 50, "model": model}
    chosen = ShrinkageClassifierCV(**FEW, **options).fit(FLOWERS, NAMES)
    alone = ShrinkageClassifier(strength=chosen.strength_, **options).fit(FLOWERS, NAMES)
    expected = chosen.predict_proba(FLOWERS)
    np.testing.assert_allclose(alone.predict_proba(FLOWERS), expected, rtol=1e-6)
    np.testing.assert_allclose(chosen.path_.predict_proba(FLOWERS), expected, rtol=1e-6)
    path = fit_path(model, FLOWERS, NAMES, strengths=FEW["strengths"], folds=3, test_size=0,
                    epochs=6, batch_size=50, dtype="float64")  # fmt: skip
    np.testing.assert_array_equal(path.fold_scores, chosen.cv_scores_)
    assert path.best.test_score is None


def test_grid_search_pipelines_and_cross_validate():
    grid = {"shrinkageclassifier__strength": [0.003, 0.3], "shrinkageclassifier__penalty": ["l1",
            L2()]}  # fmt: skip
    pipeline = make_pipeline(StandardScaler(), ShrinkageClassifier("linear"))
    search = GridSearchCV(pipeline, grid, cv=3).fit(FLOWERS, NAMES)
    assert search.best_score_ > 0.9
    scores = cross_validate(ShrinkageRegressor("linear"), PEOPLE, PROGRESS, cv=3)["test_score"]
    assert scores.min() > 0.3


def test_a_penalty_has_parameters_of_its_own():
    model = ShrinkageClassifier("linear", penalty="elastic-net")
    search = GridSearchCV(model, {"penalty__l1_ratio": [0.1, 0.9]}, cv=2).fit(FLOWERS, NAMES)
    chosen = search.best_params_["penalty__l1_ratio"]
    assert search.best_estimator_.penalty == ElasticNet(chosen)
    assert model.get_params()["penalty__l1_ratio"] == 0.5
    with pytest.raises(ValueError, match="did you mean penalty__l1_ratio"):
        model.set_params(penalty__l1_ration=0.1)


def test_select_from_model_keeps_what_has_a_weight_in_pandas_and_polars():
    rng = np.random.default_rng(0)
    X = np.column_stack([FLOWERS, rng.normal(size=(150, 3))])
    table = pd.DataFrame(X, columns=list("abcdefg"))
    selector: Any = SelectFromModel(ShrinkageClassifier("linear", strength=0.1))
    small = selector.set_output(transform="pandas").fit_transform(table, NAMES)
    weights = selector.estimator_.coef_
    assert list(small.columns) == [n for n, w in zip("abcdefg", weights.T, strict=True) if w.any()]
    assert 0 < small.shape[1] < 7
    network = ShrinkageClassifier("mlp:4", penalty="group-lasso", strength=0.02).fit(table, NAMES)
    kept = network.feature_importances_ > 0
    first = network.module_[0].weight.detach().numpy()
    np.testing.assert_allclose(network.feature_importances_, np.linalg.norm(first, axis=0))
    chosen = SelectFromModel(network.fit(X, NAMES), threshold=1e-12, prefit=True).transform(X)
    np.testing.assert_array_equal(chosen, X[:, kept])
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({name: X[:, place] for place, name in enumerate("abcdefg")})
    columns = selector.set_output(transform="polars").fit_transform(frame, NAMES).columns
    assert columns == list(small.columns)
    assert list(selector.estimator_.feature_names_in_) == list("abcdefg")


def test_copies_and_pickles_predict_the_same():
    for estimator in (
        ShrinkageClassifierCV("mlp:4", epochs=2, **FEW, fixed=(1e-3 * L2(),)),
        ShrinkageClassifier("mlp:4", penalty=ElasticNet(0.3), epochs=2),
    ):
        model: Any = clone(estimator)
        model.fit(FLOWERS, NAMES)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict_proba(FLOWERS), model.predict_proba(FLOWERS))
        bare: Any = clone(model)
        assert bare.get_params() == estimator.get_params()
        assert np.abs(model.predict_proba(FLOWERS).sum(axis=1) - 1).max() < 1e-12


def test_parts_go_on_from_each_other_and_from_a_fit():
    model = ShrinkageClassifier("mlp:8", learning_rate=0.05, strength=1e-4)
    order = np.random.default_rng(0).permutation(150)
    for start in [*range(0, 150, 50)] * 12:
        rows = order[start : start + 50]
        model.partial_fit(FLOWERS[rows], NAMES[rows], classes=np.unique(NAMES))
    assert model.n_iter_ == len(model.loss_curve_) == 36
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]
    assert model.score(FLOWERS, NAMES) > 0.9
    with pytest.raises(ValueError, match="got 'rose'"):
        model.partial_fit(FLOWERS[:2], ["rose", "setosa"])
    fitted = ShrinkageRegressor("mlp:8", epochs=20).fit(PEOPLE, PROGRESS)
    before, copy = fitted.predict(PEOPLE), pickle.loads(pickle.dumps(fitted))
    fitted.partial_fit(PEOPLE[:40], PROGRESS[:40])
    assert not np.allclose(before, fitted.predict(PEOPLE))
    np.testing.assert_array_equal(before, copy.predict(PEOPLE))


def test_a_further_part_may_be_one_row_and_the_first_may_not():
    model = ShrinkageClassifier("mlp:4")
    with pytest.raises(ValueError, match="minimum of 2"):
        model.partial_fit(FLOWERS[:1], NAMES[:1], classes=np.unique(NAMES))
    model.partial_fit(FLOWERS, NAMES, classes=np.unique(NAMES))
    before = model.predict_proba(FLOWERS)
    model.partial_fit(FLOWERS[:1], NAMES[:1])
    assert not np.allclose(before, model.predict_proba(FLOWERS))


def test_strong_penalties_make_exact_zeros_in_parts():
    model = ShrinkageClassifier("mlp:8", strength=10.0, learning_rate=0.03)
    for _ in range(60):
        model.partial_fit(FLOWERS, KINDS)
    assert (model.feature_importances_ == 0).all()


def test_weights_are_routed_and_count():
    weight = np.where(KINDS == 0, 100.0, 0.01)
    with sklearn.config_context(enable_metadata_routing=True):
        model: Any = ShrinkageClassifier("linear", strength=0.1)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"strength": [0.1]}, cv=3)
        search.fit(FLOWERS, KINDS, sample_weight=weight)
    assert (search.predict(FLOWERS) == 0).mean() > 0.6
    balanced = ShrinkageClassifier("linear", class_weight={0: 100.0, 1: 0.01, 2: 0.01})
    assert (balanced.fit(FLOWERS, KINDS).predict(FLOWERS) == 0).mean() > 0.5


def test_routed_groups_stay_together_outside_and_inside_unasked():
    groups = np.arange(442) % 6
    model = ShrinkageRegressorCV("linear", strengths=(0.1, 10.0), cv=GroupKFold(2))
    with sklearn.config_context(enable_metadata_routing=True):
        done = cross_validate(
            model, PEOPLE, PROGRESS, cv=GroupKFold(3), params={"groups": groups},
            return_estimator=True,
        )  # fmt: skip
    for fitted in done["estimator"]:
        assert fitted.cv_scores_.shape == (2, 2)
        assert "groups" in fitted.path_.split_description


def test_folds_are_those_of_any_splitter_and_scores_those_of_any_scorer():
    groups = np.arange(442) % 6
    model = ShrinkageRegressorCV(
        "linear", strengths=(0.1, 10.0), cv=GroupKFold(3), scoring="neg_mean_absolute_error",
        choose="one_standard_error",
    )  # fmt: skip
    model.fit(PEOPLE, PROGRESS, groups=groups)
    assert model.cv_scores_.shape == (2, 3)
    assert model.strength_ == model.path_.one_standard_error.strength
    error = np.abs(model.predict(PEOPLE) - PROGRESS).mean()
    assert model.score(PEOPLE, PROGRESS) == pytest.approx(-error)
    model.set_params(cv=TimeSeriesSplit(4)).fit(PEOPLE, PROGRESS)
    assert model.cv_scores_.shape == (2, 4)
    with pytest.raises(ValueError, match=r"splitter that divides 442 rows.*groups="):
        model.set_params(cv=GroupKFold(3)).fit(PEOPLE, PROGRESS)


def test_a_function_makes_the_network_and_what_it_lacks_is_said():
    model = ShrinkageRegressor(two_branches, epochs=3, penalty=L1()).fit(PEOPLE, PROGRESS)
    assert model.predict(PEOPLE).shape == (442,)
    assert not hasattr(model, "coef_")
    with pytest.raises(AttributeError, match="model='linear'"):
        _ = model.coef_
    with pytest.raises(ValueError, match="at least 2 classes"):
        ShrinkageClassifier().fit(FLOWERS, np.ones(150))
    with pytest.raises(ValueError, match="penalty"):
        ShrinkageClassifier(penalty="l3").fit(FLOWERS, KINDS)


def two_branches(n_inputs: int, n_outputs: int):
    """Return a network that is no stack of layers."""
    from torch import nn

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Linear(n_inputs, n_outputs)
            self.deep = nn.Sequential(nn.Linear(n_inputs, 4), nn.Tanh(), nn.Linear(4, n_outputs))

        def forward(self, x):
            return self.wide(x) + self.deep(x)

    return Sum()


def _clone(estimator: Any) -> Any:
    return clone(estimator)


def test_a_row_of_weight_two_is_two_rows_in_balanced_classes_too():
    weight = np.where(np.arange(150) < 40, 2.0, 1.0)
    weight[140:] = 0
    rows = np.repeat(np.arange(150), weight.astype(int))
    model: Any = ShrinkageClassifier("linear", strength=0.01, class_weight="balanced")
    weighted = _clone(model).fit(FLOWERS, NAMES, sample_weight=weight)
    repeated = _clone(model).fit(FLOWERS[rows], NAMES[rows])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-9)
    bare = _clone(model).set_params(class_weight=None).fit(FLOWERS[rows], NAMES[rows])
    assert np.abs(bare.coef_ - repeated.coef_).max() > 0.01


def test_later_parts_have_the_classes_of_the_first():
    model = ShrinkageClassifier("mlp:4").partial_fit(FLOWERS, NAMES, classes=np.unique(NAMES))
    model.partial_fit(FLOWERS, NAMES, classes=["virginica", "versicolor", "setosa"])
    with pytest.raises(
        ValueError, match=r"expected classes .* as in the calls before, got \['lily'"
    ):
        model.partial_fit(FLOWERS[:9], NAMES[:9], classes=[*np.unique(NAMES), "lily"])


@pytest.mark.parametrize("kinds", [2, 3])
def test_scorers_of_decision_functions_score_folds(kinds):
    X, y = FLOWERS[: 50 * kinds], KINDS[: 50 * kinds]
    y = np.where(np.random.default_rng(0).random(len(y)) < 0.2, 0, y)

    def margin(truth, values):
        return float(values.mean(axis=0).sum() if values.ndim > 1 else (values * truth).mean())

    scorer = make_scorer(margin, response_method="decision_function")
    folds = KFold(3, shuffle=True, random_state=0)
    model = ShrinkageClassifierCV("linear", strengths=(0.01, 0.1), cv=folds, scoring=scorer)
    model.fit(X, y)
    one = ShrinkageClassifier("linear", strength=0.1)
    truth = [scorer(one.fit(X[a], y[a]), X[b], y[b]) for a, b in folds.split(X)]
    np.testing.assert_allclose(model.cv_scores_[1], truth, rtol=1e-6)
