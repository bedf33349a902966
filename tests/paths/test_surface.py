"""Surfaces against scikit-learn, against paths, and the choice against a plain count."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet as SklearnElasticNet

from shrinkage import L1, L2, ElasticNet, GroupLasso, fit_path, fit_surface
from shrinkage.errors import InputError, RunDirectoryError
from shrinkage.paths.surfaces.rules import choose_simplest
from shrinkage.run import load_result
from tests.paths.small_runs import without_times

X, Y = load_diabetes(return_X_y=True)
NETWORK = {"folds": 2, "epochs": 4, "dtype": "float64", "seed": 3}
MEASURES = ("fold_scores", "train_loss", "validation_loss", "nonzero", "inputs_kept")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a surface with a run directory, over strengths and dropout."""
    store = tmp_path_factory.mktemp("surfaces") / "run"
    options = {**NETWORK, "vary": {"dropout": (0.0, 0.4)}, "penalties": [L1()]}
    return fit_surface("mlp:6", X, Y, strengths=[(1e-3, 0.1)], store=store, **options), store


def test_every_cell_is_scikit_learns_elastic_net():
    l1, l2 = (0.5, 2.0, 9.0), (0.05, 0.4)
    result = fit_surface("linear", X, Y, strengths=(l1, l2), folds=3, refit="all")
    assert result.model_file is not None
    assert result.surface is not None
    train = np.setdiff1d(np.arange(len(Y)), result.model_file.test_rows)
    x = (X[train] - X[train].mean(0)) / X[train].std(0)
    assert result.surface.cells == tuple((a, b) for a in l1 for b in l2)
    for cell, (one, two) in enumerate(result.surface.cells):
        alpha = one + two
        peer = SklearnElasticNet(alpha=alpha, l1_ratio=one / alpha, tol=1e-14, max_iter=10**6)
        expected = peer.fit(x, Y[train]).coef_
        ours = result.model(cell)[0].weight[0].detach().numpy()
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)
        assert ((ours == 0) == (expected == 0)).all()


@pytest.mark.parametrize("penalties", [(L1(), L2()), (GroupLasso(), L1())], ids=["l1 l2", "group"])
def test_a_row_is_the_path_with_that_fixed_term(penalties):
    strengths = (1e-3, 0.02, 0.3)
    first, second = penalties
    surface = fit_surface(
        "mlp:6", X, Y, penalties=penalties, strengths=(strengths, (0.01, 0.2)), **NETWORK
    )
    for place, other in enumerate((0.01, 0.2)):
        path = fit_path(
            "mlp:6", X, Y, penalty=first, fixed=other * second, strengths=strengths, **NETWORK
        )
        for name in ("fold_scores", "train_loss", "validation_loss", "inputs_kept"):
            ours = getattr(surface, name)[place::2]
            np.testing.assert_allclose(ours, getattr(path, name), rtol=0, atol=1e-8)
    torch.testing.assert_close(
        surface.model("unregularized")[0].weight,
        path.model("unregularized")[0].weight,
        rtol=0,
        atol=1e-8,
    )


@pytest.mark.slow
def test_a_value_of_the_recipe_is_the_path_with_it_bit_for_bit(kept):
    surface, _ = kept
    for place, model in enumerate(("mlp:6", "mlp:6;dropout=0.4")):
        path = fit_path(model, X, Y, strengths=(1e-3, 0.1), **NETWORK)
        for name in MEASURES:
            ours = getattr(surface, name)[2 * place : 2 * place + 2]
            np.testing.assert_array_equal(ours, getattr(path, name))


@pytest.mark.parametrize(
    ("vary", "value", "model", "options"),
    [
        ({"l1_ratio": (0.2, 0.7)}, 0.7, "mlp:6", {"penalty": ElasticNet(0.7)}),
        ({"width": (1.0, 2.0)}, 2.0, "mlp:12", {}),
        ({"norm": ("none", "layer")}, "layer", "mlp:6;norm=layer", {}),
        ({"learning_rate": (1e-3, 0.02)}, 0.02, "mlp:6", {"learning_rate": 0.02}),
        ({"epochs": (4, 2)}, 2.0, "mlp:6", {"epochs": 2}),
    ],
    ids=["l1_ratio", "width", "norm", "learning rate", "epochs"],
)
def test_further_axes_are_the_paths_with_their_values(vary, value, model, options):
    path = fit_path(
        model, X, Y, **{**NETWORK, "penalty": ElasticNet(), "strengths": (1e-3, 0.1), **options}
    )
    surface = fit_surface(
        "mlp:6", X, Y, penalties=[ElasticNet()], strengths=[(1e-3, 0.1)], vary=vary, **NETWORK
    )
    assert surface.surface is not None
    own = [cell[1] == value for cell in surface.surface.cells]
    np.testing.assert_array_equal(surface.fold_scores[own], path.fold_scores)
    np.testing.assert_array_equal(surface.nonzero[own], path.nonzero)
    assert set(surface.surface.sizes[own]) == {path.best.total_weights}


def test_models_of_other_kinds_are_those_of_a_path():
    options = {**NETWORK, "compare": True}
    surface = fit_surface(
        "mlp:6",
        X,
        Y,
        strengths=((1e-3, 0.1),),
        penalties=[L1()],
        vary={"dropout": (0.0, 0.4)},
        **options,
    )
    path = fit_path("mlp:6", X, Y, strengths=(1e-3, 0.1), **options)
    assert len(path.compared) == 4
    assert [without_seconds(own) for own in surface.compared] == [
        without_seconds(own) for own in path.compared
    ]
    name = path.compared[0].name
    best = surface.fold_scores[surface.best.index].mean()
    found = surface.difference("best", name)
    assert found.score == pytest.approx(best - path.compared[0].cv_score, rel=1e-12)
    assert name in str(surface.summary["compared"])


def without_seconds(model):
    """Return what is told of a model of another kind, but for the time that it took."""
    return {**asdict(model), "seconds": 0.0}


def test_each_chosen_model_predicts_with_its_own_architecture(kept):
    result, store = kept
    again = load_result(store)
    for role in ("best", "one_standard_error", "unregularized"):
        own = result.by_role(role)
        np.testing.assert_array_equal(result.predict(X, role), again.predict(X, role))
        rows = list(result.model_file.test_rows)
        assert result.score(X[rows], Y[rows], role) == pytest.approx(own.test_score, abs=1e-12)
        drops = [m for m in result.model(role) if isinstance(m, torch.nn.Dropout)]
        assert bool(drops) is (own.setting["dropout"] == 0.4)


@pytest.mark.slow
def test_models_of_several_shapes_are_read_back_each_with_its_own(tmp_path):
    vary = {"width": (1.0, 3.0)}
    fit_surface(
        "mlp:6", X, Y, penalties=[L1()], strengths=[(1e-3, 0.1)], vary=vary, store=tmp_path / "run",
        **NETWORK,
    )  # fmt: skip
    again = load_result(tmp_path / "run")
    roles = ("best", "unregularized")
    widths = [again.model(role)[0].weight.shape[0] for role in roles]
    assert widths == [6 * again.by_role(role).setting["width"] for role in roles] == [18, 6]
    rows = list(again.model_file.test_rows)
    for role in roles:
        score = again.score(X[rows], Y[rows], role)
        assert score == pytest.approx(again.by_role(role).test_score, abs=1e-12)


def test_the_run_directory_is_read_back_and_has_every_axis(kept):
    result, store = kept
    again = load_result(store)
    assert again.surface.to_dict() == result.surface.to_dict()
    assert again.best == result.best
    assert again.one_standard_error == result.one_standard_error
    summary = json.loads((store / "summary.json").read_text())
    assert summary["best"]["setting"] == dict(result.best.setting)
    assert summary["models_trained"] == 2 * (4 + 2) + result_refits(result)
    with (store / "path.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(float(r["strength_l1"]), float(r["dropout"])) for r in rows] == [*result.surface.cells]
    means = result.fold_scores.mean(axis=1)
    assert [float(row["cv_score_mean"]) for row in rows] == means.tolist()


def result_refits(result) -> int:
    """Return how many models were refitted: of each variant that has a role, its distinct rows."""
    chosen = [result.best, result.one_standard_error, result.unregularized]
    rows = {model.setting["l1"] for model in chosen}
    return len({model.setting["dropout"] for model in chosen}) * len(rows)


@pytest.mark.slow
def test_a_killed_surface_goes_on_and_ends_as_the_undisturbed(kept, tmp_path):
    result, store = kept
    units = sorted((store / "state").glob("fold-*"))
    assert len(units) == 4
    half = tmp_path / "half"
    (half / "state").mkdir(parents=True)
    for unit in (*units[:2], store / "state" / "run.json"):
        (half / "state" / unit.name).write_bytes(unit.read_bytes())
    options = {**NETWORK, "vary": {"dropout": (0.0, 0.4)}, "penalties": [L1()]}
    again = fit_surface("mlp:6", X, Y, strengths=[(1e-3, 0.1)], store=half, resume=True, **options)
    assert without_times(again.summary) == without_times(result.summary)
    options["vary"] = {"dropout": (0.0, 0.3)}
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        fit_surface("mlp:6", X, Y, strengths=[(1e-3, 0.1)], store=half, resume=True, **options)


def test_the_tops_of_both_axes_are_those_of_paths():
    surface = fit_surface("linear", X, Y, strengths=(3, 2), folds=2)
    assert surface.surface is not None
    for axis, penalty in zip(surface.surface.axes, (L1(), L2()), strict=True):
        path = fit_path("linear", X, Y, penalty=penalty, strengths=3, folds=2)
        top = path.summary["strengths"]
        assert axis.values[-1] in [pytest.approx(own, rel=1e-12) for own in top]


def test_the_choice_is_the_fewest_weights_within_one_standard_error():
    random = np.random.default_rng(0)
    for _ in range(200):
        mean, error = random.normal(size=12).round(1), random.uniform(0, 0.5, 12)
        counts, ranks = random.integers(0, 4, 12), random.integers(0, 5, 12)
        learned = counts > 0
        choice, within = choose_simplest(mean, error, counts, ranks, learned)
        assert mean[choice.best] == mean.max()
        assert ranks[choice.best] == ranks[mean == mean.max()].max()
        near = [
            cell
            for cell in range(12)
            if mean[cell] >= mean.max() - error[choice.best] and learned[cell]
        ]
        assert np.flatnonzero(within).tolist() == near
        if near:
            keys = [(counts[cell], -ranks[cell], -mean[cell]) for cell in near]
            simplest = choice.one_standard_error
            assert (counts[simplest], -ranks[simplest], -mean[simplest]) == min(keys)
        else:
            assert choice.one_standard_error == choice.best


def test_inputs_may_be_what_the_simplest_has_fewest_of():
    result = fit_surface(
        "linear", X, Y, strengths=((0.1, 3.0), (0.1, 1.0)), folds=3, simplest="inputs"
    )
    assert result.surface is not None
    assert result.inputs_kept is not None
    kept_inputs = result.inputs_kept.mean(axis=1)
    assert kept_inputs[result.one_standard_error.index] == kept_inputs[result.surface.within].min()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vary": {"dropout": (0.0,), "width": (1.0,)}}, "three axes of a surface, got 4.*search"),
        ({"penalties": (L1(),), "strengths": (3,)}, "two or three axes .* got 1: take fit_path"),
        ({"strengths": (3, 2, 2)}, "2 counts of strengths, one for each axis of l1 × l2, got 3"),
        ({"strengths": (3, 1)}, "strengths of an axis"),
        ({"strengths": (3, (2.0, 1.0))}, "ascending order"),
        ({"vary": {"dropuot": (0.0, 0.2)}}, "got 'dropuot': did you mean dropout"),
        ({"vary": {"dropout": 0.2}}, "values of the axis dropout as a list"),
        ({"vary": {"dropout": ("a",)}}, "numbers on the axis dropout, got 'a'"),
        ({"vary": {"dropout": (0.2, 0.2)}}, "each value of the axis dropout once"),
        ({"vary": {"dropout": (0.2, 1.2)}}, r"dropout in \[0, 1\)"),
        ({"vary": {"norm": ("none", "x")}}, "norm"),
        ({"vary": {"epochs": (2.5,)}}, "epochs"),
        ({"vary": {"dropout": (0.0, 0.2)}, "model": "linear"}, "such as mlp:64,32"),
        ({"vary": {"epochs": (2.0, 3.0)}, "model": "linear"}, "is solved"),
        ({"penalties": (L1, L2)}, "without a strength"),
        ({"simplest": "layers"}, "weights"),
        ({"fast": True}, "fit_surface has no option 'fast'"),
        ({"refit": "all", "vary": {"dropout": (0.0, 0.2)}}, "refit='chosen'"),
    ],
)
def test_bad_input_is_refused_in_one_line_before_anything_is_written(tmp_path, change, words):
    options = {"model": "mlp:4", "strengths": (2, 2), "folds": 2, "epochs": 2, **change}
    with pytest.raises(InputError, match=words) as caught:
        fit_surface(X=X, y=Y, store=tmp_path / "run", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
