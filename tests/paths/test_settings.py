"""A path is a table of strengths: fixed terms beside the one that varies, on every engine."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet as SklearnElasticNet

from shrinkage import L1, L2, GroupLasso, biases, fit_path, weights
from shrinkage.errors import InputError, OverlapError, RunDirectoryError
from shrinkage.paths.engines.linear import LinearEngine
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.settings import Settings
from shrinkage.run import load_result

SMALL = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 3}
TWO_GROUPS = 0.1 * GroupLasso(per="input") + 0.1 * GroupLasso(per="output")


def nothing(_: int) -> None:
    """Take no notice of progress."""


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


def test_a_table_is_cut_joined_and_ordered_by_rows():
    table = Settings(("a", "b"), ((0.3, 1.0), (0.1, 1.0), (0.3, 1.0), (0.0, 0.0)))
    assert table.distinct().rows == ((0.0, 0.0), (0.1, 1.0), (0.3, 1.0))
    assert [part.rows for part in table.cut(3)] == [table.rows[:2], table.rows[2:3], table.rows[3:]]
    assert table.strengths(1) == {"a": 0.1, "b": 1.0}
    assert (table.take([1]) + table.take([3])).column("b") == (1.0, 0.0)


def test_l1_beside_a_fixed_l2_is_scikit_learns_elastic_net(diabetes):
    X, y = diabetes
    ridge = 0.3
    result = fit_path(
        "linear", X, y, penalty=L1(), fixed=ridge * L2(), strengths=(0.5, 2.0, 9.0), refit="all"
    )
    assert result.model_file is not None
    train = np.setdiff1d(np.arange(len(y)), result.model_file.test_rows)
    x = (X[train] - X[train].mean(0)) / X[train].std(0)
    for index, strength in enumerate(result.strengths):
        both = strength + ridge
        peer = SklearnElasticNet(alpha=both, l1_ratio=strength / both, tol=1e-14, max_iter=10**6)
        expected = peer.fit(x, y[train]).coef_
        ours = result.model(index)[0].weight[0].detach().numpy()
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)
        assert ((ours == 0) == (expected == 0)).all()
    assert result.summary["fixed"] == ["0.3 * L2() on weights()"]
    assert list(result.strengths) == [0.5, 2.0, 9.0]


def test_unregularized_has_every_strength_0_and_strength_0_only_that_of_the_path(diabetes):
    result = fit_path(
        "linear", *diabetes, fixed=0.3 * L2(), strengths=(0.0, 1.0), folds=2, refit="all"
    )
    plain = fit_path("linear", *diabetes, strengths=(0.0, 1.0), folds=2, refit="all")
    assert torch.equal(
        result.model("unregularized")[0].weight, plain.model("unregularized")[0].weight
    )
    assert not torch.equal(result.model(0)[0].weight, result.model("unregularized")[0].weight)
    assert result.unregularized.strength == 0.0


@pytest.mark.parametrize(
    "fixed",
    [
        (0.05 * L2(),),
        ((0.05 * L2()).with_update("decoupled"), (0.02 * L2()).on("0.*")),
        ((0.02 * L1()).with_update("gradient").on(biases()),),
        ((0.05 * L2()).around({"0.weight": np.full((8, 6), 0.1)}).on("0.w*"),),
    ],
    ids=["l2", "decoupled and a selection", "a bias", "around a reference"],
)
@pytest.mark.parametrize("update", ["proximal", "loss"])
def test_stacked_equals_sequential_with_fixed_terms_in_float64(make, fixed, update):
    problem, unit = make("mlp:8", GroupLasso(per="input"), update=update, epochs=20, fixed=fixed)
    stacked = StackedEngine().train(problem, unit, nothing)
    sequential = SequentialEngine().train(problem, unit, nothing)
    without = StackedEngine().train(*make("mlp:8", GroupLasso(), update=update, epochs=20), nothing)
    for name, value in stacked.arrays.items():
        torch.testing.assert_close(value, sequential.arrays[name], rtol=0, atol=1e-8)
    assert any(not torch.equal(v, without.arrays[n]) for n, v in stacked.arrays.items())


def test_the_top_of_a_linear_path_counts_the_fixed_terms(make):
    reference = {"0.weight": np.full((1, 6), 5.0)}
    fixed = ((0.4 * L2()).around(reference),)
    problem, unit = make("linear", L1(), task="regression", fixed=fixed)
    top = LinearEngine().critical_strength(problem, unit)
    for factor, enters in ((0.999, True), (1.001, False)):
        table = problem.terms.settings([(factor * top,)])
        trained = LinearEngine().train(problem, replace(unit, settings=table), nothing)
        assert bool((trained.arrays["0.weight"] != 0).any()) is enters


def test_a_run_with_other_fixed_terms_is_another_run(diabetes, tmp_path):
    run = {"strengths": (0.5, 2.0), "folds": 2, "store": tmp_path / "run", "resume": True}
    fit_path("linear", *diabetes, fixed=0.3 * L2(), **run)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["fixed"] == ["0.3 * L2() on weights()"]
    terms = {row.parameter: row.term for row in load_result(tmp_path / "run").assignment}
    assert terms["0.weight"].endswith(" * L1() + 0.3 * L2()")
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        fit_path("linear", *diabetes, fixed=0.2 * L2(), **run)
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        fit_path("linear", *diabetes, **run)


def test_zeros_are_counted_where_the_varying_penalty_is(diabetes):
    fixed = (0.01 * L1()).on(weights() | biases())
    result = fit_path("mlp:4", *diabetes, fixed=fixed, select=("0.*",), **SMALL)
    assert [layer.name for layer in result.layers] == ["0.weight"]
    assert result.best.total_weights == 4 * 10


def test_without_fixed_terms_the_summary_does_not_name_them(diabetes):
    assert "fixed" not in fit_path("linear", *diabetes, strengths=(0.5, 2.0), folds=2).summary


def test_the_code_of_a_report_repeats_the_fixed_terms(diabetes):
    fixed = (1e-3 * L2()).on("0.*").with_update("decoupled")
    result = fit_path("mlp:4", *diabetes, fixed=fixed, **SMALL)
    expected = f"terms = ({result.best.strength!r} * L1()) + (0.001 * L2())"
    assert expected + ".on(named('0.*')).with_update(\"decoupled\")" in result.code
    assert "from shrinkage import L1, L2, named\n" in result.code


@pytest.mark.parametrize(
    ("model", "fixed", "error", "words"),
    [
        ("linear", (0.1 * L2()).with_update("decoupled"), InputError, "decoupled"),
        ("linear", (0.1 * L2()).on(biases()), InputError, "intercept"),
        ("mlp:4", TWO_GROUPS, OverlapError, "GroupLasso"),
        ("mlp:4", L2(), InputError, "without a strength"),
        ("mlp:4", (0.1 * L2()).on("9.weight"), Exception, r"9\.weight"),
    ],
    ids=["decoupled", "intercept", "overlap", "no strength", "no parameter"],
)
def test_fixed_terms_that_cannot_be_are_refused_before_anything_is_written(
    diabetes, tmp_path, model, fixed, error, words
):
    with pytest.raises(error, match=words):
        fit_path(model, *diabetes, fixed=fixed, store=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()
