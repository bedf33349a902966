"""The report page: one HTML file that needs nothing else, computed from a `PathResult`.

Everything that came from data passes through the template's automatic escaping; only the
drawings, which `svg.py` made, are inserted as markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from shrinkage.drawing.draw import Drawing, draw_svg
from shrinkage.drawing.figures import Figure
from shrinkage.drawing.svg import page_svg
from shrinkage.drawing.text import plain, share_text
from shrinkage.paths.results import PathResult
from shrinkage.reports.cautions import caution_text
from shrinkage.reports.class_table import class_table, fold_class_table
from shrinkage.reports.engine_told import engine_text
from shrinkage.reports.figures.strength_axis import positions
from shrinkage.reports.gain import gain_sentence
from shrinkage.reports.group_table import group_table
from shrinkage.reports.models_table import model_rows
from shrinkage.reports.reading import varied_name
from shrinkage.reports.sentence import (
    ended_sentence,
    one_standard_error_sentence,
    summary_sentence,
)
from shrinkage.reports.table import COLUMNS, columns_of, path_table, rows_of
from shrinkage.reports.target_told import target_text
from shrinkage.reports.templating import template, tight
from shrinkage.reports.told_columns import column_shows, kind_words, told_columns
from shrinkage.reports.wording import score_wording

SETTINGS = (
    ("data", "data"),
    ("task", "task"),
    ("n_samples", "rows"),
    ("n_features", "inputs"),
    ("model", "model"),
    ("penalty", "penalty"),
    ("fixed", "beside it"),
    ("update", "update"),
    ("seed", "seed"),
    ("score_name", "score"),
    ("models_trained", "models trained"),
)

MODEL_FIELDS = (
    "label",
    "strength",
    "cv_score",
    "apart",
    "cv_log_loss",
    "log_apart",
    "test_score",
    "test_log_loss",
    "zeros",
    "seconds",
)

COUNTS = ("rows", "inputs", "models trained")


@dataclass(frozen=True)
class Card:
    """One figure on the page."""

    key: str
    title: str
    reading: str
    svg: Markup
    layout: str


def render_page(
    result: PathResult,
    figures: tuple[Figure, ...],
    drawn: Mapping[str, Drawing] | None = None,
) -> str:
    """Return the whole page as text.

    Args:
        result: a finished path.
        figures: what `all_figures` made of it.
        drawn: the figures by their keys, where they are drawn already.

    >>> from shrinkage.reports.example import example_result
    >>> render_page(example_result(), ()).startswith("<!doctype html>")
    True
    """
    drawings = drawn or {figure.key: draw_svg(figure) for figure in figures}
    return template("report.html").render(
        title=plain(result.summary.get("data", "a path of strengths"), 80),
        sentence=summary_sentence(result),
        second=one_standard_error_sentence(result),
        facts=_facts(result),
        gain=gain_sentence(result),
        chosen_columns=_chosen_columns(result),
        chosen=_chosen_rows(result),
        by_loss=result.summary.get("choose_by") == "loss",
        fair=result.early_stop is not None,
        paired=bool(result.differences),
        log_paired=any(pair.log_loss is not None for pair in result.differences),
        told_by=" or ".join(sorted({f"{pair.told_by:.1f}" for pair in result.differences})),
        cards=_cards(figures, drawings),
        columns=[name or "chosen" for name in columns_of(result)],
        rows=list(rows_of(result)),
        explorer=_explorer(result, drawings),
        warnings=[*result.warnings, *map(caution_text, result.cautions)],
        result=result,
        tables=_table_columns(result),
        told=[*_notes(result), *told_columns(_records(result), most=100)],
        engine=engine_text(
            str(result.summary.get("engine", "")), str(result.summary.get("engine_reason", ""))
        ),
        target="" if result.target is None else target_text(result.target),
        classes=class_table(result),
        fold_classes=fold_class_table(result),
        groups=group_table(result),
        settings=_settings(result),
        versions=_versions(result),
    )


def _cards(figures: tuple[Figure, ...], drawings: Mapping[str, Drawing]) -> list[Card]:
    """Return the figures as cards, two in a row unless wide; an odd one fills its row."""
    narrow = [figure.key for figure in figures if not figure.wide]
    alone = narrow[-1] if len(narrow) % 2 else ""
    layouts = ("wide" if f.wide else "alone" if f.key == alone else "half" for f in figures)
    pairs = zip(figures, layouts, strict=True)
    return [_card(figure, drawings[figure.key], layout) for figure, layout in pairs]


def _card(figure: Figure, drawing: Drawing, layout: str) -> Card:
    # The drawing is our own and its text is escaped by matplotlib, so it may stand as markup.
    markup = Markup(page_svg(drawing.svg, key=figure.key, alt=tight(figure.alt)))
    return Card(figure.key, figure.title, figure.reading, markup, layout)


def _facts(result: PathResult) -> list[str]:
    """Return the line under the title: what was trained on what."""
    summary = result.summary
    counts = [
        _number(summary.get("n_samples"), "rows"),
        _number(summary.get("n_features"), "inputs"),
    ]
    models, folds = result.fold_scores.shape
    strengths = f"{models} strengths"
    if result.surface is not None:
        sizes = " × ".join(f"{len(a.values)} {a.name}" for a in result.surface.axes)
        strengths = f"{sizes} = {models} models"
    grid = f"{strengths} × {folds // result.rounds} folds"
    grid += f", {result.rounds} times" if result.rounds > 1 else ""
    grid = grid if folds > 1 else strengths
    named = [f"{key} {summary[key]}" for key in ("model", "penalty") if summary.get(key)]
    parts = [_task(result), *counts, *named, grid]
    return [plain(part, 60) for part in parts if part]


def _number(value: object, noun: str) -> str:
    return f"{value:,} {noun}" if isinstance(value, int) else ""


def _chosen_columns(result: PathResult) -> list[str]:
    """Return the heads of the table of models; those of columns without content are left out."""
    wording = score_wording(result.score_name)
    kind = "cross-validated" if result.fold_scores.shape[1] > 1 else "validation"
    points = ", points" if wording.percent else ""
    heads = {
        "label": "",
        "strength": varied_name(result) if result.surface is None else "where",
        "cv_score": f"{kind} {wording.label}",
        "apart": f"best is higher by{points}",
        "cv_log_loss": f"{kind} log loss",
        "log_apart": "log loss: best − this",
        "test_score": f"test {wording.label}",
        "test_log_loss": "test log loss",
        "zeros": "weights that are zero",
        "seconds": "time",
    }
    return [heads[name] for name in _model_fields(result)]


def _model_fields(result: PathResult) -> list[str]:
    optional = ("apart", "cv_log_loss", "log_apart", "test_log_loss", "seconds")
    rows = model_rows(result)
    return [
        name
        for name in MODEL_FIELDS
        if name not in optional or any(getattr(row, name) for row in rows)
    ]


def _chosen_rows(result: PathResult) -> list[tuple[str, list[str]]]:
    names = _model_fields(result)
    rows = []
    for row in model_rows(result):
        zeros = f"{row.zeros} ({row.counts})" if row.zeros else ""
        texts = {**asdict(row), "zeros": zeros}
        rows.append((row.key, [texts[name] for name in names]))
    return rows


def _explorer(result: PathResult, drawings: Mapping[str, Drawing]) -> dict[str, object]:
    """Return what the slider shows: a row of texts and a place in the score figure a strength."""
    drawing = drawings.get("score")
    if result.surface is not None:
        return {"labels": [], "rows": [], "x": []}
    places = positions(np.asarray(result.strengths))
    return {
        "labels": [*COLUMNS[:-1], "chosen"],
        "rows": [row.cells for row in path_table(result)],
        "x": [] if drawing is None else [round(drawing.x_of(float(x)), 2) for x in places],
        "top": 0 if drawing is None else round(drawing.top, 2),
        "bottom": 0 if drawing is None else round(drawing.bottom, 2),
        "start": result.best.index or 0,
    }


def _records(result: PathResult) -> list[dict[str, Any]]:
    """Return what each column of the table was taken for."""
    return result.summary.get("columns") or []  # pyright: ignore[reportReturnType]


def _notes(result: PathResult) -> list[str]:
    """Return what was decided while the file was read, and which models ended early."""
    notes = result.summary.get("notes")
    told = [str(note) for note in notes] if isinstance(notes, list) else []
    return [*told, *filter(None, [ended_sentence(result)])]


def _table_columns(result: PathResult) -> list[list[str]]:
    """Return a row of texts for each column of the table: name, kind, missing, inputs, cells."""
    return [
        [
            plain(record["name"], 60),
            kind_words(record),
            share_text(record["missing"] / record["rows"]),
            "" if record["inputs"] is None else f"{record['inputs']:,}",
            column_shows(record),
        ]
        for record in _records(result)
        if record["role"] == "input"
    ]


def _task(result: PathResult) -> object:
    times = result.target is not None and result.target.events is not None
    return "censored times" if times else result.summary.get("task")


def _settings(result: PathResult) -> list[tuple[str, str]]:
    said = {**result.summary, "task": _task(result)}
    settings = [(label, said.get(key)) for key, label in SETTINGS]
    settings = [(k, f"{v:,}" if isinstance(v, int) and k in COUNTS else v) for k, v in settings]
    settings = [(k, " + ".join(v) if isinstance(v, list) else v) for k, v in settings]
    seconds = result.summary.get("wall_seconds")
    if isinstance(seconds, int | float):
        settings.append(("time", f"{seconds:,.1f} s"))
    return [(label, plain(value)) for label, value in settings if value not in (None, "")]


def _versions(result: PathResult) -> list[tuple[str, str]]:
    versions = result.summary.get("versions")
    items = versions.items() if isinstance(versions, dict) else ()
    return [(plain(name), plain(version)) for name, version in items]
