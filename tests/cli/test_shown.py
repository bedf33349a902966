"""The table in the terminal fits it, and cuts nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from shrinkage.cli.shown import COLUMNS, DISPENSABLE, HEADERS, INPUTS, show_table
from shrinkage.paths.results.records import PathResult, Status
from tests.reports.fake import image_result, regression_result


def hard_to_show() -> PathResult:
    """Return a path with the longest cells there are."""
    base = regression_result()
    count = len(base.strengths)
    huge = np.where(np.arange(count)[:, None] % 2, -7.06312e15, 1.2345678e-9)
    status = [list(Status)[i % len(Status)] for i in range(count)]
    return replace(
        base,
        strengths=base.strengths * 1.23456e-9,
        fold_scores=base.fold_scores + huge,
        train_loss=np.abs(huge) * base.train_loss,
        validation_loss=np.abs(huge) * base.validation_loss,
        status=tuple(status),
        inputs_kept=np.full_like(base.nonzero, 123456.0, dtype=float),
    )


def with_columns() -> PathResult:
    """Return a path in which one column of the table made all inputs but one."""
    base = regression_result()
    columns = ("a", *["b"] * (len(base.input_names) - 1))
    kept = np.ones_like(base.fold_scores)
    return replace(base, inputs_kept=kept, network_inputs_kept=7 * kept, input_columns=columns)


def lines_of(result: PathResult, width: int) -> list[str]:
    out = io.StringIO()
    show_table(result, Console(file=out, width=width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("make", [image_result, regression_result, hard_to_show, with_columns])
def test_nothing_is_cut_and_nothing_is_too_wide(make, width):
    result = make()
    lines = lines_of(result, width)
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    head = next(line for line in lines if "strength" in line)
    shown = [header for header in (*HEADERS, INPUTS, COLUMNS) if header in head]
    assert {"strength", "score", "status"} <= set(shown)
    body = lines[lines.index(head) + 2 :][: len(result.strengths)]
    assert all(str(s).replace("_", " ") in b for s, b in zip(result.status, body, strict=True))
    missing = [header for header in DISPENSABLE if header not in shown]
    if result.inputs_kept is None:
        missing.remove(INPUTS)
    if make is not with_columns:
        missing.remove(COLUMNS)
    assert all(header in "\n".join(lines[-2:]) for header in missing)


def test_a_wide_terminal_shows_all_columns():
    head = next(line for line in lines_of(regression_result(), 120) if "strength" in line)
    assert all(header in head for header in (*HEADERS, INPUTS))
