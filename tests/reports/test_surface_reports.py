"""A surface in pictures, page, sentence and terminal: the numbers of the result in their places."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console

from shrinkage.cli.shown import show_models, show_table
from shrinkage.drawing import heat as drawing
from shrinkage.drawing.draw import draw_png, draw_svg
from shrinkage.drawing.figures import HeatFigure, Kind, PanelFigure
from shrinkage.drawing.heat import _borders
from shrinkage.paths.results import Difference
from shrinkage.paths.results.surfaces import Surface, SurfaceAxis
from shrinkage.reports import all_figures, path_table, summary_sentence, text_table
from shrinkage.reports.figures.search import search_figure
from shrinkage.reports.figures.surface import shown_cells, surface_figure, surface_zeros_figure
from shrinkage.reports.gain import gain_sentence
from shrinkage.reports.page import render_page
from shrinkage.reports.sentence import one_standard_error_sentence
from tests.reports.fake import search_result, surface_result

RESULT = surface_result()


def three_axes():
    """Return the same result with a third axis whose second value is better everywhere."""
    surface = RESULT.surface
    assert surface is not None
    axes = (*surface.axes, SurfaceAxis("dropout", (0.0, 0.5), is_strength=False))
    cells = tuple((*cell, drop) for drop in (0.0, 0.5) for cell in surface.cells)
    twice = {
        name: np.concatenate([getattr(RESULT, name)] * 2)
        for name in ("strengths", "train_loss", "validation_loss", "nonzero", "inputs_kept")
    }
    return replace(
        RESULT,
        **twice,
        fold_scores=np.concatenate([RESULT.fold_scores, RESULT.fold_scores + 0.01]),
        status=RESULT.status * 2,
        surface=Surface(axes, cells, np.full(24, 10), np.tile(surface.within, 2), "weights"),
    )


def heat(result=RESULT) -> HeatFigure:
    figure = surface_figure(result)
    assert figure is not None
    return figure


def test_each_cell_of_the_map_is_its_mean_score():
    figure, surface = heat(), RESULT.surface
    assert surface is not None
    assert figure.values.shape == (3, 4)
    for cell, (one, two) in enumerate(surface.cells):
        column = surface.axes[0].values.index(one)
        row = surface.axes[1].values.index(two)
        assert figure.values[row, column] == RESULT.fold_scores[cell].mean()
        assert figure.texts[row][column] == f"{RESULT.fold_scores[cell].mean():.3f}"
        assert figure.outlined is not None
        assert figure.outlined[1][row, column] == surface.within[cell]
    assert figure.x.names == ("0.001", "0.01", "0.1", "1")


def test_both_choices_are_marked_where_they_are_and_named():
    figure, surface = heat(), RESULT.surface
    assert surface is not None
    best, simple = figure.marks
    for mark, model in ((best, RESULT.best), (simple, RESULT.one_standard_error)):
        place = (figure.x.names[mark.column], figure.y.names[mark.row])
        assert place == tuple(f"{value:g}" for value in model.setting.values())
        assert f"l1 {place[0]}, l2 {place[1]}" in mark.label
    alone = replace(RESULT, chosen=(RESULT.best, replace(RESULT.best, role="one_standard_error")))
    assert [mark.label.split(":")[0] for mark in heat(alone).marks] == ["best"]


def test_the_ridge_is_the_best_of_each_row_that_is_within():
    figure = heat()
    assert figure.ridge is not None
    assert figure.outlined is not None
    rows = {row: column for column, row in figure.ridge[1]}
    for row in range(3):
        column = int(figure.values[row].argmax())
        assert (rows.get(row) == column) is bool(figure.outlined[1][row, column])
    assert len(rows) >= 2


def test_the_line_goes_around_what_is_within():
    inside = np.array([[True, True, False], [False, True, False]])
    sides = _borders(inside)
    assert len(sides) == 8
    assert ((-0.5, -0.5), (-0.5, 0.5)) in sides
    assert ((0.5, -0.5), (0.5, 0.5)) not in sides  # between two that are inside


def test_of_three_axes_each_cell_is_the_best_along_the_third():
    result = three_axes()
    assert (shown_cells(result) >= 12).all()
    np.testing.assert_allclose(heat(result).values, heat().values + 0.01, atol=1e-12)
    assert "along dropout" in heat(result).reading


def test_zeros_are_shares_of_the_weights_that_are_counted():
    figure = surface_zeros_figure(RESULT)
    assert figure is not None
    expected = 1 - RESULT.nonzero.mean(axis=1)[shown_cells(RESULT)] / 10
    np.testing.assert_allclose(figure.values, expected)


@pytest.mark.parametrize("result", [RESULT, three_axes()], ids=["two axes", "three axes"])
def test_figures_draw_and_the_page_holds_them(result):
    figures = all_figures(result)
    page = render_page(result, figures)
    assert page.count("<svg") == len(figures)
    for figure in figures:
        assert f'id="figure-{figure.key}"' in page
    maps = [figure for figure in figures if isinstance(figure, HeatFigure)]
    assert maps
    assert draw_svg(maps[0]).svg == draw_svg(maps[0]).svg
    assert draw_png(figures[0])[:4] == b"\x89PNG"
    assert "Best at l1 " in page
    assert "the fewest nonzero weights" in " ".join(page.split())
    assert "strengths ×" not in page


def test_the_legend_of_a_small_map_is_not_cut():
    figure = heat()
    marks = tuple(replace(own, label=f"{own.label}, dropout 0.25") for own in figure.marks)
    for own in (figure, replace(figure, marks=marks)):
        canvas = Figure(figsize=drawing.size(own), layout="constrained")
        FigureCanvasAgg(canvas)
        drawing.draw(canvas, own)
        canvas.draw_without_rendering()
        (legend,) = canvas.legends
        box = legend.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= canvas.bbox.width


def test_a_cell_that_is_not_finite_has_no_colour_and_a_dash():
    scores = RESULT.fold_scores.copy()
    scores[0] = np.nan
    figure = heat(replace(RESULT, fold_scores=scores))
    assert figure.texts[0][0] == "–"
    assert draw_png(figure)[:4] == b"\x89PNG"


def test_sentence_and_table_say_where():
    said = summary_sentence(RESULT)
    places = ", ".join(f"{name} {value:g}" for name, value in RESULT.best.setting.items())
    assert said.startswith(f"Best at {places}: ")
    simple = one_standard_error_sentence(RESULT)
    assert "l2 " in simple
    assert "strength l1" not in simple
    assert text_table(RESULT).split()[:3] == ["l1", "l2", "score"]
    rows = path_table(RESULT)
    assert [row.mark for row in rows if row.mark] == ["best", "simplest"] or [
        row.mark for row in rows if row.mark
    ] == ["simplest", "best"]
    assert rows[5].cells[:2] == ("0.01", "1")


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("result", [RESULT, three_axes()], ids=["two axes", "three axes"])
def test_the_terminal_shows_every_score_once(result, width):
    out = io.StringIO()
    console = Console(file=out, width=width)
    show_table(result, console)
    show_models(result, console)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    text = out.getvalue()
    assert text.count("*") == 2  # the best, and what the star means
    shown = result.fold_scores.mean(axis=1)[shown_cells(result)].ravel()
    for value in shown:
        assert f"{value:.3f}" in text


def test_what_the_unregularized_model_differs_in_beside_strengths_is_told():
    """A network of another width is no network without the penalty alone."""
    pair = Difference("best", "unregularized", 0.006, 0.004, None, None)
    assert "best against unregularized:" in gain_sentence(replace(RESULT, differences=(pair,)))
    assert "first value" not in render_page(RESULT, ())
    surface = RESULT.surface
    assert surface is not None
    axes = (*surface.axes, SurfaceAxis("width", (0.5, 2.0), is_strength=False))
    chosen = [
        replace(own, setting={**own.setting, "width": 2.0 if own.role == "best" else 0.5})
        for own in RESULT.chosen
    ]
    wide = replace(
        RESULT, surface=replace(surface, axes=axes), chosen=tuple(chosen), differences=(pair,)
    )
    assert "best against unregularized (of width 0.5): +" in gain_sentence(wide)
    assert "every strength 0, and of what else varies the first value" in render_page(wide, ())


def test_a_search_has_a_panel_for_each_axis_and_every_trial_in_it():
    result = search_result()
    figure = search_figure(result)
    assert isinstance(figure, PanelFigure)
    assert result.surface is not None
    first, *panels = figure.panels
    assert [panel.title for panel in panels] == ["strength of l1", "strength of l2", "norm"]
    means = result.fold_scores.mean(axis=1)
    for panel, axis, place in zip(panels, result.surface.axes, range(3), strict=True):
        points = next(s for s in panel.series if s.kind is Kind.POINTS)
        assert panel.y.limits is not None
        np.testing.assert_array_equal(points.y, np.maximum(means, panel.y.limits[0]))
        for x, cell in zip(points.x, result.surface.cells, strict=True):
            own = cell[place]
            assert x == (axis.values.index(own) if isinstance(own, str) else own)
        assert panel.x.log is (place < 2)
    best = next(s for s in first.series if s.label == "best so far")
    assert first.y.limits is not None
    running = np.maximum.accumulate(means)
    np.testing.assert_array_equal(best.y, np.maximum(running, first.y.limits[0]))


def test_the_page_and_the_sentence_of_a_search_tell_its_honest_score():
    result = search_result()
    page = render_page(result, all_figures(result))
    assert "Honest score of the search" in page
    said = " ".join(gain_sentence(result).split())
    assert "each of 3 outer folds: R² 0.450 ± 0.020 on the rows left out" in said
    assert "+0.030 ± 0.010, better" in said
    assert gain_sentence(RESULT) == ""


def test_of_a_long_search_the_terminal_shows_the_best_trials():
    result = search_result()
    assert result.surface is not None
    many = {
        name: np.concatenate([getattr(result, name)] * 3)
        for name in ("strengths", "train_loss", "validation_loss", "nonzero", "inputs_kept")
    }
    surface = replace(result.surface, cells=result.surface.cells * 3, sizes=np.full(36, 10))
    scores = np.concatenate([result.fold_scores, result.fold_scores - 1, result.fold_scores - 2])
    long = replace(result, **many, fold_scores=scores, status=result.status * 3, surface=surface)
    out = io.StringIO()
    show_table(long, Console(file=out, width=120))
    assert "the best 12 of 36 trials" in out.getvalue()
    for value in result.fold_scores.mean(axis=1):
        assert f"{value:.3f}" in out.getvalue()
