"""Several networks of the best strength: the mean of what they say, and where it is told."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import L2, GroupLasso, fit_path, fit_search, fit_surface
from shrinkage.errors import InputError
from shrinkage.paths import PathOptions
from shrinkage.paths.nested import NESTED_LABEL
from shrinkage.reports import summary_sentence
from shrinkage.run import load_result
from tests.cli.command_line import refused, shrinkage, write_table

random = np.random.default_rng(0)
X = random.normal(size=(90, 4))
CLASSES = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + random.normal(size=90), [-0.5, 0.5])]
NUMBERS = 50 + 10 * X[:, 0] + random.normal(size=90)
QUICK: dict[str, Any] = {"epochs": 6, "folds": 2, "progress": False, "members": 3}
PATH: dict[str, Any] = {"strengths": (0.01, 0.1), "penalty": L2(), **QUICK}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    store = tmp_path_factory.mktemp("runs") / "mean"
    return fit_path("mlp:5", X, CLASSES, store=store, **PATH), store


def networks(result) -> list[nn.Module]:
    """Return each network of the mean, built by hand from the arrays of the file."""
    made = []
    for place in range(result.summary["members"]):
        start = f"networks.{place}."
        arrays = {
            name.removeprefix(start): torch.from_numpy(np.array(value))
            for name, value in result.weights["mean"].items()
            if name.startswith(start)
        }
        module = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, len(arrays["2.bias"])))
        module.load_state_dict(arrays)
        made.append(module)
    return made


def test_the_mean_is_of_the_probabilities_of_its_networks(run) -> None:
    result, _ = run
    x = torch.from_numpy(result.inputs(X))
    own = [network(x).softmax(dim=1).detach().numpy() for network in networks(result)]
    assert np.ptp(own, axis=0).max() > 0.05
    np.testing.assert_allclose(result.predict_proba(X), own[0], atol=1e-6)
    np.testing.assert_allclose(result.predict_proba(X, "mean"), np.mean(own, axis=0), atol=1e-6)


def test_of_numbers_the_mean_is_of_the_predictions() -> None:
    result = fit_path("mlp:5", X, NUMBERS, **PATH)
    x = torch.from_numpy(result.inputs(X))
    own = np.array([network(x).detach().numpy()[:, 0] for network in networks(result)])
    scale = np.polyfit(own[0], result.predict(X), 1)
    np.testing.assert_allclose(result.predict(X, "mean"), np.polyval(scale, own.mean(0)), rtol=1e-5)


def test_the_best_model_is_what_it_is_without_members(run) -> None:
    result, _ = run
    alone = fit_path("mlp:5", X, CLASSES, **{**PATH, "members": 1})
    np.testing.assert_array_equal(alone.predict_proba(X), result.predict_proba(X))
    assert alone.best == result.best
    assert "mean" not in alone.weights
    assert alone.asked_for == "best"
    trained = [own.summary["models_trained"] for own in (alone, result)]
    assert trained == [8, 10]


def test_its_figures_are_those_of_the_test_rows(run) -> None:
    result, store = run
    test = list(result.model_file.test_rows)
    mean, summary = result.by_role("mean"), json.loads((store / "summary.json").read_text())
    assert mean.test_score == pytest.approx(result.score(X[test], CLASSES[test], "mean"))
    chances = result.predict_proba(X[test], "mean")
    own = chances[np.arange(len(test)), np.searchsorted(["a", "b", "c"], CLASSES[test])]
    assert mean.test_log_loss == pytest.approx(-np.log(own).mean(), rel=1e-5)
    assert mean.cv_score is None
    assert mean.total_weights == 3 * result.best.total_weights
    assert summary["members"] == 3
    assert summary["mean"]["test_score"] == mean.test_score


def test_a_run_directory_gives_it_back_and_tells_it(run) -> None:
    result, store = run
    again = load_result(store)
    np.testing.assert_array_equal(again.predict_proba(X, "mean"), result.predict_proba(X, "mean"))
    assert again.by_role("mean") == result.by_role("mean")
    assert "The mean of 3 networks of it: test accuracy" in summary_sentence(again)
    page = (store / "report.html").read_text()
    assert "The mean of 3 networks of it" in page
    assert "mean of its networks" in page


def test_a_finished_run_with_other_members_is_another_run(run) -> None:
    from shrinkage.errors import RunDirectoryError

    with pytest.raises(RunDirectoryError):
        fit_path("mlp:5", X, CLASSES, store=run[1], resume=True, **{**PATH, "members": 4})
    assert "members" not in PathOptions().to_dict()


def test_the_command_line_predicts_with_the_mean(tmp_path) -> None:
    table = write_table(tmp_path / "table.csv", {"a": X[:, 0], "b": X[:, 1], "y": CLASSES})
    options = ["--model", "mlp:5", "--epochs", "6", "--folds", "2", "--strengths", "0.01,0.1"]
    out = tmp_path / "run"
    options += ["--members", "3", "--penalty", "l2", "--out", str(out)]
    done = shrinkage("path", table, "--target", "y", *options)
    assert "The mean of 3 networks" in done.out
    told = shrinkage("predict", out, table, "--probabilities").out.splitlines()
    own = load_result(out).predict_proba(X[:, :2], "mean")
    np.testing.assert_allclose(
        [[float(cell) for cell in line.split(",")[1:]] for line in told[1:]], own, atol=1e-6
    )


def test_surfaces_and_searches_have_it_too() -> None:
    surface = fit_surface(
        "mlp:5", X, CLASSES, penalties=(L2(),), strengths=(2,), vary={"width": (1, 2)}, **QUICK
    )
    search = fit_search("mlp:5", X, CLASSES, trials=4, batch=2, outer=0, **QUICK)
    for result in (surface, search):
        assert result.by_role("mean").setting == result.best.setting
        first = {k: v for k, v in result.weights["mean"].items() if k.startswith("networks.0.")}
        for name, value in result.weights["best"].items():
            np.testing.assert_array_equal(first[f"networks.0.{name}"], value)
        assert result.predict_proba(X, "mean").sum(axis=1) == pytest.approx(np.ones(90), abs=1e-5)


def test_nested_cross_validation_scores_the_mean() -> None:
    from shrinkage.datasets.splits import make_folds
    from shrinkage.paths.engines.recipe import derived_seed

    result = fit_path("mlp:5", X, NUMBERS, nested=2, **PATH)
    assert result.model_file is not None
    assert result.nested is not None
    train = np.setdiff1d(np.arange(90), result.model_file.test_rows)
    seed = derived_seed(0, NESTED_LABEL) % 2**32
    for (fit, held), score in zip(
        make_folds(NUMBERS[train], "regression", None, 2, seed), result.nested.scores, strict=True
    ):
        rows, out = train[fit], train[held]
        alone = fit_path("mlp:5", X[rows], NUMBERS[rows], test=(X[out], NUMBERS[out]), **PATH)
        assert alone.by_role("mean").test_score == pytest.approx(score, abs=1e-6)
        assert alone.best.test_score != pytest.approx(score, abs=1e-6)


def test_equal_networks_are_told() -> None:
    module = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    same = fit_path(module, X, CLASSES, **PATH)
    assert any("are equal" in warning for warning in same.warnings)
    made = fit_path(
        lambda inputs, outputs: nn.Sequential(nn.Linear(inputs, outputs)), X, CLASSES, **PATH
    )
    assert not any("are equal" in warning for warning in made.warnings)


def test_the_mean_becomes_smaller_and_leaves_as_one_file(tmp_path) -> None:
    pytest.importorskip("onnxruntime")
    from shrinkage.paths.results.smaller import compact_path

    result = fit_path("mlp:5", X, CLASSES, **{**PATH, "penalty": GroupLasso()})
    assert result.to_onnx(tmp_path / "mean.onnx", "mean").difference < 1e-5
    smaller, _ = compact_path(result, "mean", X, timed=False)
    np.testing.assert_allclose(
        smaller.predict_proba(X, "mean"), result.predict_proba(X, "mean"), atol=1e-5
    )


@pytest.mark.parametrize(
    ("model", "options", "reason"),
    [
        ("linear", {"members": 2}, "which is solved"),
        ("mlp:4", {"members": 0}, "at least 1"),
        ("mlp:4", {"members": 2, "goal": "smallest"}, "without members=2"),
    ],
)
def test_what_has_no_members_says_so(model, options, reason) -> None:
    with pytest.raises(InputError, match=reason):
        fit_path(model, X, CLASSES, **{"epochs": 2, "progress": False, **options})


def test_the_command_line_refuses_members_of_what_is_solved(tmp_path) -> None:
    table = write_table(tmp_path / "table.csv", {"a": X[:, 0], "y": CLASSES})
    arguments = ("path", table, "--target", "y", "--model", "linear", "--members", 2)
    refused(tmp_path, (*arguments, "--out", tmp_path / "run"), "--members", "linear")
