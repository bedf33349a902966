"""A path from end to end on small data: what it promises about rows, files and models."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false
# pyright: reportOperatorIssue=false, reportOptionalOperand=false

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Lasso

from shrinkage import L1, L2, GroupLasso, fit_path, layer
from shrinkage.cautions import CautionKind
from shrinkage.errors import InputError, ShrinkageError, UnmatchedPattern
from shrinkage.paths import load_result
from tests.paths.small_runs import SMALL, without_times


def test_ten_lines_of_torch_find_the_same_scores_and_zeros(run, digits):
    _, store = run
    summary = json.loads((store / "summary.json").read_text())
    model_file = json.loads((store / "model.json").read_text())
    arrays = load_file(store / "model.safetensors")
    X, y = digits
    rows = model_file["test_rows"]
    numbers = model_file["preprocessing"]["encoders"][0]
    columns = [model_file["preprocessing"]["columns"].index(n) for n in numbers["names"]]
    x = (X[np.ix_(rows, columns)] - numbers["means"]) / numbers["scales"]
    for role in ("best", "one_standard_error", "unregularized"):
        state = {k.removeprefix(role + "."): v for k, v in arrays.items() if k.startswith(role)}
        model = torch.nn.Sequential(
            torch.nn.Linear(len(columns), 16), torch.nn.ReLU(), torch.nn.Linear(16, 10)
        )
        model.load_state_dict(state)
        hits = model(torch.tensor(x, dtype=torch.float32)).argmax(1).numpy() == y[rows]
        assert summary[role]["test_score"] == pytest.approx(hits.mean(), abs=1e-12)
        nonzero = sum(int((v != 0).sum()) for k, v in state.items() if k.endswith("weight"))
        assert summary[role]["nonzero"] == nonzero


def test_the_same_seed_repeats_and_another_does_not(run, digits):
    result, _ = run
    again = fit_path("mlp:16", *digits, **SMALL)
    assert without_times(again.summary) == without_times(result.summary)
    other = fit_path("mlp:16", *digits, **{**SMALL, "seed": 2})
    assert not np.array_equal(other.fold_scores, result.fold_scores)


def test_test_rows_change_nothing_but_test_scores(run, digits):
    result, _ = run
    X, y = digits[0].copy(), digits[1]
    assert result.model_file is not None
    X[list(result.model_file.test_rows)] += 3.0
    moved = fit_path("mlp:16", X, y, **SMALL)
    np.testing.assert_array_equal(moved.fold_scores, result.fold_scores)
    for role, state in result.weights.items():
        for name, value in state.items():
            np.testing.assert_array_equal(moved.weights[role][name], value)
    assert moved.best.test_score != result.best.test_score


def test_torchs_random_state_is_the_callers(digits):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit_path("mlp:8;dropout=0.2", *digits, strengths=2, folds=2, epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_stacked_and_sequential_paths_choose_alike(digits):
    settings = {**SMALL, "dtype": "float64", "strengths": (1e-4, 1e-3, 1e-2)}
    stacked = fit_path("mlp:16", *digits, engine="stacked", **settings)
    sequential = fit_path("mlp:16", *digits, engine="sequential", **settings)
    np.testing.assert_allclose(stacked.fold_scores, sequential.fold_scores, atol=1e-12)
    np.testing.assert_allclose(stacked.validation_loss, sequential.validation_loss, atol=1e-8)
    np.testing.assert_array_equal(stacked.nonzero, sequential.nonzero)
    assert (stacked.summary["engine"], sequential.summary["engine"]) == ("stacked", "sequential")


def test_linear_refits_are_scikit_learns_lasso():
    X, y = load_diabetes(return_X_y=True)
    result = fit_path("linear", X, y, penalty=L1(), refit="all")
    file = result.model_file
    assert file is not None
    train = np.setdiff1d(np.arange(len(y)), file.test_rows)
    x = (X[train] - X[train].mean(0)) / X[train].std(0)
    for index, strength in enumerate(result.strengths):
        coefficients = result.model(index)[0].weight[0].detach().numpy()
        expected = Lasso(alpha=strength, tol=1e-14, max_iter=10**7).fit(x, y[train]).coef_
        np.testing.assert_allclose(coefficients, expected, rtol=1e-6, atol=1e-6)
        assert ((coefficients == 0) == (expected == 0)).all()
    assert result.summary["epochs"] is None


def test_the_unregularized_model_is_strength_zero_with_the_same_budget(digits):
    result = fit_path("mlp:16", *digits, **SMALL)
    zero = fit_path("mlp:16", *digits, **{**SMALL, "strengths": (0.0, 1e-3)}, refit="all")
    assert zero.model(0)[0].weight.equal(result.model("unregularized")[0].weight)
    assert result.unregularized.nonzero == result.unregularized.total_weights


def factory(n_inputs: int, n_outputs: int) -> torch.nn.Module:
    """Return a network of a user's own."""
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, 8), torch.nn.Softplus(), torch.nn.Linear(8, n_outputs)
    )


def test_a_users_factory_trains_in_sequence_and_its_models_come_back(digits):
    quick = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 2}
    result = fit_path(factory, *digits, engine="sequential", **quick)
    assert result.summary["engine"] == "sequential"
    assert isinstance(result.model(result.best.index)[1], torch.nn.Softplus)
    assert result.predict(digits[0]).shape == (500,)


def test_a_module_is_a_starting_point_for_every_model(digits):
    torch.manual_seed(0)
    module = factory(64, 10)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    X = digits[0] + np.random.default_rng(0).normal(size=digits[0].shape)
    fit_path(module, X, digits[1], strengths=(1e-3, 1e-2), folds=2, epochs=1)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.slow
def test_mixed_columns_missing_cells_and_text_labels_predict_from_raw_rows(tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": random.normal(size=90),
            "colour": random.choice(["red", "<b>green</b>", "blau & gelb"], 90),
            "always": 1.0,
        }
    )
    frame.loc[random.choice(90, 9, replace=False), "size"] = np.nan
    y = np.where(frame["colour"] == "red", "<script>yes</script>", "no")
    result = fit_path("mlp:8", frame, y, store=tmp_path / "run", strengths=2, folds=2, epochs=300)
    raw = frame.drop(columns="always").iloc[::-1]
    np.testing.assert_array_equal(load_result(tmp_path / "run").predict(raw), y[::-1])
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "<script>yes" not in page
    assert "<b>green" not in page
    assert result.best.test_score == 1.0


def test_folds_cut_into_parts_give_the_same_path(digits, monkeypatch):
    from shrinkage.paths.engines.stacked import StackedEngine

    settings = {**SMALL, "dtype": "float64", "strengths": (1e-4, 1e-3, 1e-2)}
    whole = fit_path("mlp:16", *digits, **settings)
    monkeypatch.setattr(StackedEngine, "parts", lambda *_: 2)
    cut = fit_path("mlp:16", *digits, **settings)
    np.testing.assert_array_equal(cut.nonzero, whole.nonzero)
    np.testing.assert_allclose(cut.validation_loss, whole.validation_loss, rtol=0, atol=1e-10)
    for left, right in zip(cut.curves, whole.curves, strict=True):
        np.testing.assert_allclose(left.train_loss, right.train_loss, rtol=0, atol=1e-10)


def test_groups_stay_together_and_the_report_says_so(digits):
    groups = np.repeat(np.arange(50), 10)
    result = fit_path("mlp:8", *digits, groups=groups, strengths=2, folds=2, epochs=1)
    assert "kept together" in result.split_description
    assert result.model_file is not None
    test = np.array(result.model_file.test_rows)
    train = np.setdiff1d(np.arange(500), test)
    assert not set(groups[test]) & set(groups[train])


def test_own_validation_and_test_rows_are_used_as_given(digits):
    X, y = digits
    result = fit_path(
        "mlp:16",
        X[:300],
        y[:300],
        validation=(X[300:400], y[300:400]),
        test=(X[400:], y[400:]),
        strengths=3,
        epochs=5,
    )
    assert result.fold_scores.shape[1] == 1
    assert result.best.test_score == pytest.approx((result.predict(X[400:]) == y[400:]).mean())
    assert result.summary["n_train"] == 400
    assert result.summary["n_test"] == 100


def test_sample_weights_of_zero_leave_rows_out():
    X, y = load_diabetes(return_X_y=True)
    weight = np.ones(len(y))
    weight[y > 300] = 0.0
    result = fit_path("linear", X, y, sample_weight=weight, strengths=(0.1, 1.0), refit="all")
    file = result.model_file
    assert file is not None
    train = np.setdiff1d(np.arange(len(y)), file.test_rows)
    train = train[weight[train] > 0]
    x = (X[train] - X[train].mean(0)) / X[train].std(0)
    peer = Lasso(alpha=1.0, tol=1e-14).fit(x, y[train])
    np.testing.assert_allclose(
        result.model(1)[0].weight[0].detach().numpy(), peer.coef_, rtol=1e-6, atol=1e-6
    )


def test_group_lasso_counts_the_inputs_that_each_strength_keeps(digits):
    options = {**SMALL, "epochs": 20}
    result = fit_path("mlp:16", *digits, penalty=GroupLasso(per="input"), **options)
    assert result.inputs_kept is not None
    assert result.inputs_kept[-1].mean() < result.inputs_kept[0].mean()
    assert "inputs_kept" in result.table().columns


def test_a_regression_network_scores_in_the_targets_unit():
    X, y = load_diabetes(return_X_y=True)
    result = fit_path("mlp:16", X, y, penalty=L2(), strengths=4, folds=3, epochs=60)
    assert result.score_name == "r2"
    assert result.best.test_score > 0.2
    assert 50 < result.predict(X).mean() < 250


def test_only_selected_layers_are_penalised(digits):
    result = fit_path("mlp:16", *digits, select=("0.*",), **SMALL)
    assert [layer.name for layer in result.layers] == ["0.weight"]
    reasons = {row.parameter: row.term for row in result.assignment}
    assert reasons["0.weight"]
    assert not reasons["2.weight"]
    with pytest.raises(UnmatchedPattern, match=r"0\.weight"):
        fit_path("mlp:16", *digits, select=("0.weigth",), **SMALL)


def test_one_pattern_or_selection_may_stand_alone(digits):
    several = fit_path("mlp:16", *digits, select=("0.*",), **SMALL)
    for alone, said in (("0.*", "0.*"), (layer("0"), "layer('0')")):
        result = fit_path("mlp:16", *digits, select=alone, **SMALL)
        assert np.array_equal(result.nonzero, several.nonzero)
        assert result.summary["select"] == [said]
    for wrong in (None, 3, (L1(),)):
        with pytest.raises(InputError, match="expected a selection or a name pattern"):
            fit_path("mlp:16", *digits, select=wrong, **SMALL)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"folds": 1}, "at least 2"),
        ({"strengths": 1}, "at least 2"),
        ({"strengths": [0.2, 0.1]}, "ascending"),
        ({"batch_size": 5000}, "at most the"),
        ({"update": "magic"}, "unknown update"),
        ({"device": "nonsense"}, "cannot be used here"),
        ({"scorer": "acuracy"}, "accuracy"),
        ({"scorer": "f1"}, "cannot score this classification"),
        ({"select": ("0.*", "nope*")}, "nope"),
        ({"model": "mlp:8;norm=batch", "batch_size": 1}, "at least 2"),
        ({"learning_rate": float("nan")}, "learning_rate as a finite number above 0"),
        ({"fold": 3}, "no option 'fold'"),
        ({"engine": "stacked", "model": factory}, "cannot be stacked"),
        ({"model": "mlp:0"}, "positive widths"),
        ({"model": "mpl:64"}, "cannot import|unknown model"),
        ({"free": None}, "expected the names of columns for free, got None"),
        ({"fast": "no"}, "expected fast as True or False, got 'no'"),
        ({"compare": 2}, "expected compare as True or False, got 2"),
        ({"loss": 3}, r"expected a function of outputs and targets .* for loss"),
        ({"model": lambda i, o: torch.nn.Linear(i, o + 1)}, r"to \(rows, 10\)"),
        ({"model": lambda *_: "network"}, "must return a torch.nn.Module"),
        ({"model": lambda *_: 1 / 0}, "ZeroDivisionError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "settings",
)
def test_bad_settings_are_refused_before_anything_is_written(digits, tmp_path, change, words):
    model = change.pop("model", "mlp:16") if "model" in change else "mlp:16"
    with pytest.raises(ShrinkageError, match=words):
        fit_path(model, *digits, store=tmp_path / "run", **{**SMALL, **change})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("scorer", ["accuracy", "roc_auc", "neg_log_loss"])
def test_a_scorer_of_classes_does_not_score_numbers(scorer, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(InputError, match="cannot score this regression"):
        fit_path("mlp:8", X, y, scorer=scorer, store=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_rare_classes_are_trained_with_a_caution_or_merged(digits):
    X, _ = digits
    labels = np.repeat(["rare", "single", "common", "usual"], [3, 1, 296, 200])
    settings = {"strengths": (1e-3, 1e-2), "folds": 3, "epochs": 2}
    result = fit_path("mlp:8", X, labels, scorer="neg_log_loss", **settings)
    (caution,) = (c for c in result.cautions if c.kind is CautionKind.RARE_CLASSES)
    assert caution.facts["classes"] == ["rare", "single"]
    assert np.isfinite(result.fold_scores).all()
    assert result.predict_proba(X[:2]).shape == (2, 4)
    assert result.classes is not None
    assert sum(result.classes.rows) == result.summary["n_test"]
    merged = fit_path("mlp:8", X, labels, rare="other", **settings)
    assert merged.target is not None
    assert merged.target.classes == ("common", "other", "usual")
    assert merged.target.merged == ("rare", "single")
    assert 0 <= merged.score(X, labels) <= 1


def test_pictures_are_scored_and_predicted_as_they_were_given():
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8)[:200].reshape(-1, 8, 8)
    labels = labels[:200]
    held_out = (images[:50], labels[:50])
    settings = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 2, "progress": False}
    path = fit_path("mlp:8", images[50:], labels[50:], test=held_out, **settings)
    assert path.score(*held_out) == path.best.test_score
    assert path.score(*held_out, "unregularized") == path.unregularized.test_score
    flat = path.predict(images[:50].reshape(50, -1))
    np.testing.assert_array_equal(path.predict(images[:50]), flat)
    np.testing.assert_allclose(path.score_error, path.summary["cv_score_se"], rtol=1e-12)
