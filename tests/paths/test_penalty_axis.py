"""The penalty as an axis: each value is the path of that penalty, and one choice over all."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes

from shrinkage import L1, L2, ElasticNet, GroupLasso, fit_path, fit_search, fit_surface
from shrinkage.drawing.draw import draw_png
from shrinkage.errors import InputError, RunDirectoryError
from shrinkage.paths.results.differences import errors_needed
from shrinkage.paths.surfaces.penalty_axis import choices_of, word_of
from shrinkage.paths.surfaces.spec import SurfaceSpec
from shrinkage.penalties import REGISTRY, SCAD
from shrinkage.reports import all_figures, summary_sentence
from shrinkage.reports.figures.surface import shown_cells, surface_figure
from shrinkage.reports.gain import gain_sentence
from shrinkage.reports.penalties_told import penalties_sentence, rivals_of
from shrinkage.run import load_result
from tests.paths.small_runs import without_times

X, Y = load_diabetes(return_X_y=True)
NETWORK = {"folds": 2, "epochs": 4, "dtype": "float64", "seed": 3}
WORDS = {"l1": L1(), "l2": L2(), "group-lasso": GroupLasso()}
MEASURES = ("fold_scores", "train_loss", "validation_loss", "nonzero", "inputs_kept")


def over(words=tuple(WORDS), model="mlp:6", **options):
    """Return a small surface over penalties."""
    options = {"strengths": [4], "vary": {"penalty": words}, **NETWORK, **options}
    return fit_surface(model, X, Y, **options)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    store = tmp_path_factory.mktemp("penalties") / "run"
    return over(store=store), store


def cells_of(result, word) -> list[int]:
    """Return the places of the cells of one penalty."""
    return [place for place, cell in enumerate(result.surface.cells) if cell[1] == word]


@pytest.mark.parametrize("model", ["mlp:6", "linear"])
def test_each_penalty_is_its_own_path_bit_for_bit(kept, model):
    result = kept[0] if model == "mlp:6" else over(model="linear")
    for word, penalty in WORDS.items():
        own = cells_of(result, word)
        strengths = [result.surface.cells[place][0] for place in own]
        assert len(strengths) == 4
        path = fit_path(model, X, Y, penalty=penalty, strengths=strengths, **NETWORK)
        for name in MEASURES:
            ours, theirs = getattr(result, name)[own], getattr(path, name)
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{word} {name}")
        np.testing.assert_array_equal(result.unregularized.cv_score, path.unregularized.cv_score)


def test_each_penalty_has_the_grid_of_its_path():
    result = over(model="linear", strengths=[3])
    for word, penalty in WORDS.items():
        path = fit_path("linear", X, Y, penalty=penalty, strengths=3, **NETWORK)
        grid = [result.surface.cells[place][0] for place in cells_of(result, word)]
        known = list(path.summary["strengths"])  # a path goes on where its best is at an end
        assert all(any(own == pytest.approx(k, rel=1e-12) for k in known) for own in grid), word
    strengths = {cell[0] for cell in result.surface.cells}
    assert len(strengths) == 6  # of one output, a group of an input is a weight: as L1's


def test_the_choice_is_over_all_penalties(kept):
    result, _ = kept
    mean, error = result.score_mean, result.score_error
    best = result.best.index
    assert mean[best] == mean.max()
    near = np.flatnonzero(mean >= mean[best] - error[best])
    counts = result.nonzero.mean(axis=1)
    simple = result.one_standard_error.index
    assert set(near) >= set(np.flatnonzero(result.surface.within))
    assert counts[simple] == counts[result.surface.within].min()
    for model in (result.best, result.one_standard_error):
        strength, word = result.surface.cells[model.index]
        assert model.setting == {"strength": strength, "penalty": word}
        assert model.strength == strength


def test_the_chosen_model_is_refitted_with_its_own_penalty(kept):
    result, _ = kept
    own = result.best
    path = fit_path(
        "mlp:6", X, Y, penalty=WORDS[own.setting["penalty"]],
        strengths=(own.strength, 2 * own.strength), refit="all", **NETWORK,
    )  # fmt: skip
    torch.testing.assert_close(
        result.model("best").state_dict(), path.model(0).state_dict(), rtol=0, atol=1e-12
    )
    assert result.summary["penalty"] == repr(WORDS[own.setting["penalty"]])
    assert repr(WORDS[own.setting["penalty"]]) in result.code


def test_the_run_directory_is_read_back_and_names_every_penalty(kept):
    result, store = kept
    again = load_result(store)
    assert again.surface.to_dict() == result.surface.to_dict()
    np.testing.assert_array_equal(again.surface.positions, result.surface.positions)
    for role in ("best", "one_standard_error", "unregularized"):
        assert again.by_role(role) == result.by_role(role)
        np.testing.assert_array_equal(result.predict(X, role), again.predict(X, role))
    with (store / "path.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(float(r["strength"]), r["penalty"]) for r in rows] == [*result.surface.cells]
    summary = json.loads((store / "summary.json").read_text())
    assert summary["best"]["setting"]["penalty"] in WORDS
    assert len(summary["grid"]) == 3  # each penalty has a grid of its own


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_as_the_undisturbed(kept, tmp_path):
    result, store = kept
    units = sorted((store / "state").glob("fold-*"))
    assert len(units) == 6
    half = tmp_path / "half"
    (half / "state").mkdir(parents=True)
    for unit in (*units[:3], store / "state" / "run.json"):
        (half / "state" / unit.name).write_bytes(unit.read_bytes())
    assert without_times(over(store=half, resume=True).summary) == without_times(result.summary)
    with pytest.raises(RunDirectoryError, match="other data or settings"):
        over(("l1", "l2"), store=half, resume=True)


def test_places_are_those_on_the_grid_of_the_penalty(kept):
    surface = kept[0].surface
    assert surface.is_grid
    np.testing.assert_array_equal(surface.positions[:, 0], [0, 1, 2, 3] * 3)
    np.testing.assert_array_equal(surface.positions[:, 1], np.repeat([0, 1, 2], 4))
    assert surface.axes[0].values[-1] == 1.0
    for word in WORDS:
        grid = np.array([surface.cells[place][0] for place in cells_of(kept[0], word)])
        np.testing.assert_allclose(grid / grid[-1], surface.axes[0].values, rtol=1e-12)
    last = cells_of(kept[0], "l2")[-1]
    assert surface.edges(last) == {"strength": "largest"}
    assert surface.edges(last - 1) == {}


def test_given_strengths_are_the_same_for_all_and_a_penalty_may_stand_beside():
    result = over(("l1", ElasticNet(0.3)), penalties=[L2()], strengths=[(0.01, 0.2), (0.1, 1.0)])
    assert result.surface.axes[0].by == ""
    assert [axis.name for axis in result.surface.axes] == ["strength", "l2", "penalty"]
    own = [place for place, cell in enumerate(result.surface.cells) if cell[1:] == (1.0, "l1")]
    path = fit_path("mlp:6", X, Y, penalty=L1(), fixed=1.0 * L2(), strengths=(0.01, 0.2), **NETWORK)
    np.testing.assert_allclose(result.fold_scores[own], path.fold_scores, rtol=0, atol=1e-9)
    words = {cell[2] for cell in result.surface.cells}
    assert words == {"l1", "elastic-net(l1_ratio=0.3)"}


def test_nested_scores_repeat_the_choice_of_the_penalty():
    result = over(("l1", "l2"), strengths=[2], nested=2)
    assert {own["penalty"] for own in result.nested.settings} <= {"l1", "l2"}
    assert len(result.nested.settings) == 2


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_a_word_stands_for_its_penalty(name):
    penalty = REGISTRY[name]()
    assert word_of(penalty) == name
    assert choices_of({"penalty": [name]}) == {name: penalty}


def test_a_word_with_options_is_read_back():
    for penalty in (ElasticNet(0.3), GroupLasso(per="output"), SCAD(gamma=4.5)):
        assert list(choices_of({"penalty": [word_of(penalty)]}).values()) == [penalty]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vary": {"penalty": "l1"}}, "values of the axis penalty as a list"),
        ({"vary": {"penalty": ()}}, "values of the axis penalty as a list"),
        ({"vary": {"penalty": ("l1", "lasso")}}, "each value of the axis penalty once"),
        ({"vary": {"penalty": ("l1", "l9")}}, "got 'l9': did you mean"),
        ({"vary": {"penalty": ("l1", "0.1*l2")}}, "without a strength on the axis penalty"),
        ({"vary": {"penalty": (L1, L2)}}, "without a strength"),
        ({"vary": {"penalty": ("l1", "l2"), "l1_ratio": (0.1, 0.5)}}, "got 'l1_ratio'"),
        ({"strengths": (3, 2)}, "1 counts of strengths, one for each axis of strength, got 2"),
        ({"vary": {"penalti": ("l1",)}, "penalties": [L1()]}, "did you mean penalty"),
        ({"vary": {"penalty": ("l1",), "width": (1.0,), "epochs": (2.0,)}, "penalties": [L2()]},
         "two or three axes of a surface, got 5"),
    ],
)  # fmt: skip
def test_bad_penalties_are_refused_in_one_line(tmp_path, change, words):
    options = {"vary": {"penalty": ("l1", "l2")}, "folds": 2, "epochs": 2, **change}
    with pytest.raises(InputError, match=words) as caught:
        fit_surface("mlp:4", X, Y, store=tmp_path / "run", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_counts_are_those_of_other_surfaces_where_none_are_given():
    assert SurfaceSpec(vary={"penalty": ("l1", "l2")}).strengths == (12,)
    assert SurfaceSpec().strengths == (12, 8)


def test_pictures_and_sentences_tell_penalty_and_strength(kept):
    result, _ = kept
    figure = surface_figure(result)
    assert figure is not None
    assert figure.y.names == tuple(WORDS)
    assert figure.x.names == ("0.0001", "0.00215", "0.0464", "1")
    np.testing.assert_array_equal(figure.values, result.score_mean.reshape(3, 4))
    np.testing.assert_array_equal(shown_cells(result), np.arange(12).reshape(3, 4))
    assert "penalt" in figure.reading
    assert all(draw_png(own)[:4] == b"\x89PNG" for own in all_figures(result))
    place = result.best.setting
    assert f"strength {place['strength']:.3g}, penalty {place['penalty']}: " in (
        summary_sentence(result)
    )
    assert penalties_sentence(result) in gain_sentence(result)


def test_the_sentence_by_penalty_is_the_paired_difference_over_the_folds(kept):
    result, _ = kept
    rivals = rivals_of(result)
    assert set(rivals) | {result.best.setting["penalty"]} == set(WORDS)
    said, told_by = penalties_sentence(result), errors_needed(result.fold_scores.shape[1])
    for word, index in rivals.items():
        assert result.score_mean[index] == result.score_mean[cells_of(result, word)].max()
        apart = result.fold_scores[index] - result.fold_scores[result.best.index]
        error = apart.std(ddof=1) / np.sqrt(len(apart))
        assert f"{word} {result.score_mean[index]:.3f}".replace("-0.", "−0.") in said
        told = f"{word} " + said.partition(f"{word} ")[2].partition(")")[0]
        assert ("not told from it" in told) is bool(abs(apart.mean()) <= told_by * error)


def test_a_search_draws_the_penalty_and_strengths_within_its_own_decades(tmp_path):
    options = {"outer": 2, "batch": 2, **NETWORK, "store": tmp_path / "run"}
    vary = {"penalty": ("l1", "group-lasso"), "learning_rate": (0.004, 0.016)}
    result = fit_search("mlp:6", X, Y, trials=12, vary=vary, **options)
    surface = over(("l1", "group-lasso"))
    words = [cell[1] for cell in result.surface.cells]
    assert set(words) == {"l1", "group-lasso"}
    for strength, word, _ in result.surface.cells:
        top = surface.surface.cells[cells_of(surface, word)[-1]][0]
        assert 0.99e-4 * top < strength < 1.01 * top
    assert result.best.setting["penalty"] in result.summary["penalty"].replace("L1", "l1").replace(
        "GroupLasso(per='input')", "group-lasso"
    )
    again = fit_search("mlp:6", X, Y, trials=12, vary=vary, resume=True, **options)
    assert again.summary["best"] == result.summary["best"]
