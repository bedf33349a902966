"""Targets and scores through a whole path: one small linear path each."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.preprocessing import StandardScaler

from shrinkage import fit_path
from shrinkage.cautions import CautionKind
from shrinkage.errors import InputError
from shrinkage.paths.results.records import Status
from shrinkage.run import load_result

random = np.random.default_rng(0)
X = random.normal(size=(120, 3))
LABELS = np.where(X[:, 0] + 0.5 * random.normal(size=120) > 0, "yes", "no")
QUICK = {"strengths": (0.02, 0.1), "folds": 3, "progress": False}


@pytest.fixture(scope="module")
def ranking(tmp_path_factory):
    """A path on 6 % positives, scored by a ranking, with a test set that lacks them."""
    store = tmp_path_factory.mktemp("runs") / "ranking"
    y = (X[:, 0] + 0.3 * random.normal(size=120) > 1.6).astype(int)
    y[:2] = 1
    test = (X[:9], np.zeros(9, dtype=int))
    return fit_path("linear", X, y, scorer="roc_auc", test=test, store=store, **QUICK), store


@pytest.mark.slow
def test_a_test_set_that_lacks_a_class_leaves_the_score_out_and_says_so(ranking):
    result, _ = ranking
    assert result.best.test_score is None
    assert result.best.test_interval is None
    assert result.constant.test_score is None
    assert CautionKind.SCORE_UNDEFINED in {caution.kind for caution in result.cautions}
    assert result.classes.rows == (9, 0)
    assert result.classes.recall[1] is None


def test_a_ranking_of_few_positives_is_no_constant(ranking):
    result, _ = ranking
    assert (result.predict(X) == 0).mean() > 0.9
    assert result.best.cv_score > 0.8
    assert result.constant.cv_score == 0.5
    assert Status.COLLAPSED not in result.status[:1]


def test_what_is_said_of_target_and_scores_is_read_back(ranking):
    result, store = ranking
    again = load_result(store)
    assert again.target == result.target
    assert again.cautions == result.cautions
    assert again.constant == result.constant
    np.testing.assert_array_equal(again.classes.confusion, result.classes.confusion)


def test_a_fold_without_a_positive_is_refused_before_anything_is_written(tmp_path):
    y = np.zeros(120, dtype=int)
    y[:2] = 1
    with pytest.raises(InputError, match=r"roc_auc is not defined.*fold \d"):
        fit_path("linear", X, y, scorer="roc_auc", store=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_class_weights_are_scikit_learns():
    result = fit_path("linear", X, LABELS, class_weight="balanced", refit="all", **QUICK)
    train = np.setdiff1d(np.arange(120), result.model_file.test_rows)
    x = (X[train] - X[train].mean(0)) / X[train].std(0)
    weight = {label: 60 / np.sum(LABELS[train] == label) for label in ("no", "yes")}
    same = fit_path("linear", X, LABELS, class_weight=weight, refit="all", **QUICK)
    np.testing.assert_allclose(same.fold_scores, result.fold_scores, atol=0.1)
    peer = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-10, max_iter=10_000)
    peer.fit(x, LABELS[train])
    expected = peer.predict_proba(x)
    free = result.predict_proba(X[train], "unregularized")
    np.testing.assert_allclose(free, expected, atol=1e-5)


def test_weights_may_count_in_the_loss_alone():
    y = X[:, 0] + 0.3 * random.normal(size=120)
    weight = random.uniform(0.1, 3.0, 120)
    counted = fit_path("linear", X, y, sample_weight=weight, refit="all", **QUICK)
    alone = fit_path(
        "linear", X, y, sample_weight=weight, score_weights=False, refit="all", **QUICK
    )
    assert not np.array_equal(counted.fold_scores, alone.fold_scores)
    train = np.setdiff1d(np.arange(120), alone.model_file.test_rows)
    x = StandardScaler().fit(X[train], sample_weight=weight[train]).transform(X[train])
    peer = Lasso(alpha=0.1, tol=1e-12).fit(x, y[train], sample_weight=weight[train])
    coefficients = alone.model(1)[0].weight[0].detach().numpy()
    np.testing.assert_allclose(coefficients, peer.coef_, atol=1e-6)


@pytest.mark.slow
def test_a_scorer_of_ones_own_is_kept_as_text_and_given_again(tmp_path):
    scorer = make_scorer(fbeta_score, beta=2, average="macro", pos_label=None)
    options = {**QUICK, "folds": np.int64(3)}
    result = fit_path("linear", X, LABELS, scorer=scorer, store=tmp_path / "run", **options)
    assert "beta=2" in result.summary["score_name"]
    again = load_result(tmp_path / "run")
    value = again.score(X[:30], LABELS[:30], scorer=scorer)
    predicted = again.predict(X[:30])
    assert value == fbeta_score(LABELS[:30], predicted, beta=2, average="macro")


def test_rows_without_a_target_are_left_out_on_request():
    y = [*LABELS[:110], *[None] * 10]
    with pytest.raises(InputError, match=r"row 111.*missing_target='drop'"):
        fit_path("linear", X, y, **QUICK)
    result = fit_path("linear", X, y, missing_target="drop", **QUICK)
    assert result.target.dropped == 10
    assert result.summary["n_samples"] == 110


def test_noise_is_said_to_be_no_better_than_a_constant():
    y = np.random.default_rng(3).normal(size=120)
    result = fit_path("linear", X, y, **QUICK)
    assert CautionKind.CONSTANT_AS_GOOD in {caution.kind for caution in result.cautions}
    signal = fit_path("linear", X, 2 * X[:, 0] + y, **QUICK)
    assert CautionKind.CONSTANT_AS_GOOD not in {caution.kind for caution in signal.cautions}
