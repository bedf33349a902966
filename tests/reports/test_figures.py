"""Figures hold the numbers of the result, for whole results and for results with pieces missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shrinkage.drawing.draw import draw_png, draw_svg
from shrinkage.drawing.figures import (
    Axis,
    BarFigure,
    Kind,
    LineFigure,
    PictureFigure,
    Series,
)
from shrinkage.paths.results import PathResult, Status
from shrinkage.reports.figures import FIGURE_KEYS, FIGURES, all_figures
from shrinkage.reports.figures.strength_axis import choice_marks, positions, strength_axis
from tests.reports.fake import (
    goal_result,
    group_result,
    image_result,
    regression_result,
    search_result,
    surface_result,
)

IMAGE, REGRESSION, GROUP = image_result(), regression_result(), group_result()
SURFACE, SEARCH, GOAL = surface_result(), search_result(), goal_result()


def lines(result: PathResult, key: str) -> LineFigure:
    figure = figures(result)[key]
    assert isinstance(figure, LineFigure)
    return figure


def figures(result: PathResult) -> dict[str, object]:
    return {figure.key: figure for figure in all_figures(result)}


def test_each_kind_of_result_has_its_figures():
    path = ["score", "loss"]
    layers = ["zeros", "norms", "inputs-kept"]
    assert list(figures(IMAGE)) == [*path, "learning-curves", *layers, "first-layer", "input-map"]
    assert list(figures(REGRESSION)) == [*path, *layers, "coefficients"]
    assert list(figures(GROUP)) == [*path, "learning-curves", *layers, "inputs-chosen"]
    surface = ["surface", "surface-loss", "surface-zeros", "coefficients"]
    assert list(figures(SURFACE)) == surface
    assert list(figures(SEARCH)) == ["search", "coefficients"]
    assert list(figures(GOAL))[:2] == ["size", "score"]
    results = (IMAGE, REGRESSION, GROUP, SURFACE, SEARCH, GOAL)
    drawn = {key for result in results for key in figures(result)}
    assert drawn == FIGURE_KEYS


def test_score_is_the_mean_and_the_standard_error_over_folds():
    figure = lines(IMAGE, "score")
    mean = next(s for s in figure.series if s.kind is Kind.LINE)
    np.testing.assert_array_equal(mean.x, IMAGE.strengths)
    np.testing.assert_allclose(mean.y, IMAGE.fold_scores.mean(axis=1), rtol=0, atol=1e-15)
    error = IMAGE.fold_scores.std(axis=1, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(mean.error, error, rtol=1e-12)
    assert figure.horizontals[0].at == IMAGE.unregularized.cv_score


def test_score_marks_both_choices_where_they_are():
    figure = lines(IMAGE, "score")
    assert IMAGE.best.index != IMAGE.one_standard_error.index
    assert [m.at for m in figure.verticals] == [
        IMAGE.best.strength,
        IMAGE.one_standard_error.strength,
    ]
    spots = [s for s in figure.series if s.kind is Kind.SPOT]
    means = IMAGE.score_mean[[IMAGE.best.index, IMAGE.one_standard_error.index]]
    assert [float(s.y[0]) for s in spots] == means.tolist()


def test_one_mark_when_both_choices_are_the_same():
    simple = replace(IMAGE.best, role="one_standard_error")
    result = replace(IMAGE, chosen=(IMAGE.best, simple, IMAGE.unregularized))
    assert [mark.label for mark in choice_marks(result)] == ["best = 1 s.e."]


def test_collapsed_diverged_and_unfinished_strengths_are_marked_apart():
    kinds = {Status.COLLAPSED: Kind.COLLAPSED, Status.DIVERGED: Kind.DIVERGED}
    kinds[Status.NOT_CONVERGED] = Kind.NOT_CONVERGED
    for result in (IMAGE, REGRESSION, GROUP):
        figure = lines(result, "score")
        for status, kind in kinds.items():
            expected = [s for s, was in zip(result.strengths, result.status, strict=True)
                        if was is status]  # fmt: skip
            found = [x for s in figure.series if s.kind is kind for x in s.x]
            assert found == expected
            assert all(np.isfinite(s.y).all() for s in figure.series if s.kind is kind)


def test_no_strength_is_lost_below_the_picture():
    figure = lines(IMAGE, "score")
    assert figure.y.limits is not None
    below = IMAGE.strengths[IMAGE.score_mean < figure.y.limits[0]]
    assert len(below) > 1
    edge = {Kind.BELOW, Kind.COLLAPSED}
    shown = [x for s in figure.series if s.kind in edge for x in s.x]
    assert set(below) <= set(shown)
    assert figure.y.limits[0] < IMAGE.one_standard_error.cv_score < figure.y.limits[1]


def test_losses_are_means_over_folds_and_the_gap_lies_between():
    figure = lines(REGRESSION, "loss")
    validation, training = figure.series
    np.testing.assert_allclose(validation.y, REGRESSION.validation_loss.mean(axis=1), rtol=1e-14)
    np.testing.assert_allclose(training.y, REGRESSION.train_loss.mean(axis=1), rtol=1e-14)
    np.testing.assert_array_equal(figure.bands[0].low, training.y)
    np.testing.assert_array_equal(figure.bands[0].high, validation.y)


def test_zeros_and_norms_of_each_layer():
    zeros, norms = lines(IMAGE, "zeros"), lines(IMAGE, "norms")
    for layer, share, norm in zip(IMAGE.layers, zeros.series, norms.series, strict=True):
        np.testing.assert_allclose(share.y, 1 - layer.nonzero.mean(axis=1) / np.prod(layer.shape))
        expected = layer.norm.mean(axis=1)
        np.testing.assert_allclose(norm.y, expected / expected[0])
        assert layer.name in share.label


def test_learning_curves_are_those_of_best_and_unregularized():
    figure = lines(IMAGE, "learning-curves")
    best, plain = IMAGE.curves
    expected = [best.validation_loss, best.train_loss, plain.validation_loss, plain.train_loss]
    for series, values in zip(figure.series, expected, strict=True):
        np.testing.assert_array_equal(series.y, values)
        np.testing.assert_array_equal(series.x, np.arange(1, 13))
    assert "0.196 at epoch 7" in figure.reading


def test_inputs_kept_is_the_mean_count():
    figure = lines(GROUP, "inputs-kept")
    np.testing.assert_allclose(figure.series[0].y, GROUP.inputs_kept.mean(axis=1))


def test_coefficients_keep_sign_and_name():
    figure = figures(REGRESSION)["coefficients"]
    assert isinstance(figure, BarFigure)
    for group, role in zip(
        figure.groups, ("best", "one_standard_error", "unregularized"), strict=True
    ):
        weights = REGRESSION.weights[role]["weight"][0]
        by_name = dict(zip(REGRESSION.input_names, weights, strict=True))
        assert dict(zip(figure.names, group.values, strict=True)) == by_name
    assert figure.names[0] == "bmi"


def test_weights_far_out_do_not_hide_those_of_the_best():
    result = regression_result()
    weights = {role: dict(own) for role, own in result.weights.items()}
    weights["unregularized"]["weight"] = 1e3 * weights["unregularized"]["weight"]
    figure = figures(replace(result, weights=weights))["coefficients"]
    assert isinstance(figure, BarFigure)
    best, plain = (np.abs(group.values).max() for group in (figure.groups[0], figure.groups[-1]))
    assert plain == 3 * best
    assert figure.value_label == "coefficient; marks at the edge lie further out"


def test_inputs_chosen_are_the_twenty_largest_column_norms():
    figure = figures(GROUP)["inputs-chosen"]
    assert isinstance(figure, BarFigure)
    norms = np.linalg.norm(GROUP.weights["best"]["0.weight"], axis=0)
    assert len(figure.names) == 20
    np.testing.assert_allclose(figure.groups[0].values, np.sort(norms)[::-1][:20])
    assert "best 31, one standard error 17, unregularized 77" in figure.reading


def test_first_layer_shows_the_largest_units_first_on_a_centred_scale():
    figure = figures(IMAGE)["first-layer"]
    assert isinstance(figure, PictureFigure)
    assert figure.signed
    for mosaic, role in zip(
        figure.mosaics, ("best", "one_standard_error", "unregularized"), strict=True
    ):
        units = IMAGE.weights[role]["0.weight"]
        norms = np.linalg.norm(units, axis=1)
        assert mosaic.images.shape == (24, 28, 28)
        order = np.argsort(-norms, kind="stable")[:24]
        np.testing.assert_array_equal(mosaic.images, units[order].reshape(-1, 28, 28))
        assert mosaic.limit == np.abs(mosaic.images).max()
    assert "13 units switched off" in figure.reading


def test_input_map_is_the_norm_of_each_pixel():
    figure = figures(IMAGE)["input-map"]
    assert isinstance(figure, PictureFigure)
    norms = np.linalg.norm(IMAGE.weights["best"]["0.weight"], axis=0)
    np.testing.assert_allclose(figure.mosaics[0].images[0].ravel(), norms, rtol=1e-12)


def test_strength_zero_is_left_of_the_others_and_labelled():
    result = replace(IMAGE, strengths=np.array([0.0, *IMAGE.strengths[1:]]))
    at = positions(result.strengths)
    assert at[0] > 0
    assert (np.diff(at) > 0).all()
    ticks = strength_axis(result).ticks
    assert ticks is not None
    assert (ticks.at[0], ticks.labels[0]) == (at[0], "0")


@pytest.mark.parametrize("strengths", [2, 3, 200])
@pytest.mark.parametrize("folds", [1, 5])
def test_any_number_of_strengths_and_folds_can_be_drawn(strengths, folds):
    result = image_result(strengths=strengths, folds=folds)
    for make in FIGURES[1:3]:
        figure = make(result)
        assert figure is not None
        assert draw_png(figure)[:4] == b"\x89PNG"
        assert "</svg>" in draw_svg(figure).svg
    error = lines(result, "score").series[0].error
    assert (error is None) == (folds == 1)


def test_a_path_of_nothing_but_nan_still_draws():
    nan = np.full_like(IMAGE.fold_scores, np.nan)
    status = (Status.DIVERGED,) * len(IMAGE.strengths)
    layers = tuple(replace(layer, norm=nan) for layer in IMAGE.layers)
    result = replace(
        IMAGE, fold_scores=nan, train_loss=nan, validation_loss=nan, status=status, layers=layers
    )
    for figure in all_figures(result):
        draw_svg(figure)
    assert "loss" not in figures(result)


def test_an_infinite_loss_is_no_number_and_no_warning():
    loss = IMAGE.train_loss.copy()
    loss[0, :2] = np.inf, -np.inf
    training = lines(replace(IMAGE, train_loss=loss), "loss").series[1]
    assert np.isnan(training.y[0])
    assert np.isfinite(training.y[1:]).all()


@pytest.mark.parametrize("kind", [Kind.LINE, Kind.SPOT])
def test_a_standard_error_is_drawn_along_lines_and_at_points(kind):
    def drawn(error: np.ndarray | None) -> bytes:
        series = Series("gain", np.arange(3.0), np.ones(3), "best", kind, error)
        return draw_png(LineFigure("k", "Title", "", "", Axis("x"), Axis("y"), (series,)))

    assert drawn(np.full(3, 0.5)) != drawn(None)


def test_error_against_size_has_every_point_the_chosen_one_and_the_budget():
    figure = lines(GOAL, "size")
    assert GOAL.goal is not None
    curve, spot = figure.series
    np.testing.assert_array_equal(curve.x, GOAL.goal.bytes)
    np.testing.assert_allclose(curve.y, 1 - GOAL.score_mean, rtol=0, atol=1e-15)
    assert (spot.x[0], spot.y[0]) == (GOAL.goal.bytes[2], curve.y[2])
    assert [mark.at for mark in figure.verticals] == [20_000]
    assert figure.horizontals[-1].at == 1 - GOAL.unregularized.cv_score
    asked = lines(goal_result(budget=None, least_score=0.9, text="error 10%"), "size")
    assert not asked.verticals
    assert asked.horizontals[0].at == pytest.approx(0.1)
    assert "bytes" not in asked.x.label
    assert draw_png(figure)


def test_an_unfinished_choice_shows_its_mark_on_its_point():
    status = list(REGRESSION.status)
    status[REGRESSION.best.index] = Status.NOT_CONVERGED
    series = lines(replace(REGRESSION, status=tuple(status)), "score").series
    order = [s.kind for s in series if s.kind in (Kind.SPOT, Kind.NOT_CONVERGED)]
    assert order == [Kind.SPOT, Kind.SPOT, Kind.NOT_CONVERGED]  # what is later lies above
