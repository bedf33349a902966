"""The command line, called in this process as a shell would, and small tables to call it with.

Starting a process costs seconds (torch), so only two tests start one; the others call `run`, which
reads `sys.argv`, prints and ends with an exit status.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from shrinkage.cli.main import run

QUICK = ("--strengths", "0.001,0.01", "--folds", "2", "--epochs", "1", "--model", "mlp:4")


@dataclass(frozen=True)
class Answer:
    """What a command left behind: exit status and the two streams."""

    status: int
    out: str
    err: str


def shrinkage(*arguments: object) -> Answer:
    """Return what `shrinkage ARGUMENTS` answers, on a terminal of 200 columns."""
    out, err = io.StringIO(), io.StringIO()
    words = ["shrinkage", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", words),
        mock.patch.dict(os.environ, {"COLUMNS": "200"}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            run()
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int), status
    return Answer(status, out.getvalue(), err.getvalue())


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return every file below a folder with its bytes, and every folder with None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def refused(folder: Path, arguments: tuple[object, ...], *pieces: str) -> str:
    """Demand the refusal of bad input: status 2, one line holding the pieces, nothing written."""
    before = contents(folder)
    answer = shrinkage(*arguments)
    assert answer.status == 2, answer
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1, answer.err
    assert answer.err.endswith("\n")
    assert "Traceback" not in answer.err
    for piece in pieces:
        assert piece in answer.err
    assert contents(folder) == before
    return answer.err


def write_table(path: Path, columns: dict[str, object]) -> Path:
    """Write columns of equal length as a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))  # type: ignore[arg-type]
    return path


def small_columns(rows: int = 48, seed: int = 0) -> dict[str, object]:
    """Return two numeric columns, a column of groups and a target of two classes."""
    random = np.random.default_rng(seed)
    a = random.normal(size=rows).round(4)
    return {
        "a": a,
        "b": random.normal(size=rows).round(4),
        "g": [f"mouse{i % 12}" for i in range(rows)],
        "y": np.where(a + 0.1 * random.normal(size=rows) > np.median(a), "up", "down"),
    }
