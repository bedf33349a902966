"""The score of each group of rows."""

from __future__ import annotations

import json
from unittest import mock

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from shrinkage import L2, fit_path
from shrinkage.errors import InputError
from shrinkage.run import load_result
from tests.cli.command_line import refused, shrinkage, write_table

random = np.random.default_rng(0)
X = random.normal(size=(150, 3))
SITE = np.where(random.random(150) < 0.3, "north", "south")
Y = np.where(X[:, 0] * (SITE == "south") + 0.3 * random.normal(size=150) > 0, "yes", "no")
QUICK = {"strengths": (0.02, 0.2), "folds": 3, "progress": False}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    store = tmp_path_factory.mktemp("runs") / "groups"
    return fit_path("linear", X, Y, penalty=L2(), score_by=SITE, store=store, **QUICK), store


@pytest.mark.slow
def test_each_group_has_its_rows_and_scores(path):
    result, _ = path
    test = np.array(result.model_file.test_rows)
    train = np.setdiff1d(np.arange(150), test)
    common = max(("no", "yes"), key=lambda label: np.sum(Y[train] == label))
    right = result.predict(X[test]) == Y[test]
    for group in result.group_scores.groups:
        own = SITE[test] == group.group
        assert group.test_rows == own.sum()
        assert group.cv_rows == (SITE[train] == group.group).sum()
        assert group.test_score == pytest.approx(right[own].mean())
        assert group.test_constant == pytest.approx((Y[test][own] == common).mean())
    north, south = result.group_scores.groups
    assert south.cv_score > north.cv_score + 0.2


def test_groups_change_nothing_but_what_is_told(path):
    result, _ = path
    plain = fit_path("linear", X, Y, penalty=L2(), **QUICK)
    np.testing.assert_array_equal(plain.fold_scores, result.fold_scores)
    assert plain.group_scores is None
    assert "score_by" not in plain.summary


def test_scores_over_folds_are_those_of_each_folds_rows():
    from sklearn.model_selection import KFold

    folds = list(KFold(3).split(X))
    result = fit_path(
        "linear", X, Y, penalty=L2(), score_by=SITE, test_size=0, standardize=False,
        **{**QUICK, "folds": folds},
    )  # fmt: skip
    best = result.best.strength
    for group in result.group_scores.groups:
        scores = []
        for fit, held in folds:
            # two classes of scikit-learn have one weight vector, here half of it each
            peer = LogisticRegression(C=2 / (len(fit) * best), tol=1e-10).fit(X[fit], Y[fit])
            own = held[SITE[held] == group.group]
            scores.append(np.mean(peer.predict(X[own]) == Y[own]))
        assert group.cv_score == pytest.approx(np.mean(scores))
        assert group.test_rows == 0
        assert group.test_score is None


def test_groups_stand_in_directory_and_page(path):
    result, store = path
    assert load_result(store).group_scores == result.group_scores
    stored = json.loads((store / "summary.json").read_text())["score_by"]
    assert [group["group"] for group in stored["groups"]] == ["north", "south"]
    assert "Group by group" in (store / "report.html").read_text()


def test_a_column_is_named_on_the_command_line(tmp_path):
    table = write_table(tmp_path / "t.csv", {"a": X[:, 0].round(3), "site": SITE, "y": Y})
    quick = ("--strengths", "0.02,0.2", "--folds", "2", "--model", "linear")
    base = ("path", table, "--target", "y", *quick, "--out", tmp_path / "run")
    with mock.patch("shrinkage.reports.write_report"):  # drawn above already
        answer = shrinkage(*base, "--score-by", "site")
    assert answer.status == 0, answer
    assert "By 'site', accuracy over the folds: 'north'" in answer.out
    refused(tmp_path, ("path", table, "--target", "y", "--score-by", "a"), "2 to 50 groups")
    refused(tmp_path, ("path", table, "--target", "y", "--score-by", "city"), "city")


def test_groups_that_do_not_fit_the_rows_are_refused():
    with pytest.raises(InputError, match="score_by"):
        fit_path("linear", X, Y, score_by=SITE[:9], **QUICK)
