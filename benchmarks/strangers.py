"""Two minutes of a stranger: tries from the bare name of a file to a finished run.

    python benchmarks/strangers.py

The stranger knows the file and what it is about (the target's name, the names of the columns), and
nothing of this library: the first try is `shrinkage path FILE`, and each further one adds an option
that the last line named, with the value that stands behind it there, or else the stranger's own. A
line that names no new option ends the tries. Before, in this way, no file came to an end: no line
named an option. A hand that understands words and edits files needed what `before` says.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from made import Table
from made.files import mixed_types
from made.layouts import plain, text, with_questions
from recording import write_result
from tables import call
from typer.main import get_command

from shrinkage.cli.main import app

MOST_TRIES = 8
SMALL = ("--model", "linear", "--strengths", "0.001,0.1", "--folds", "2", "-q", "--out", "run")
OPTION = re.compile(r"(--[a-z][a-z-]*)(?:[ =]([^\s,;:()]+))?")


@dataclass(frozen=True)
class Stranger:
    """A file, how it is written, and what its owner knows, by option."""

    name: str
    write: Callable[[Path, Table], object]
    knows: Mapping[str, str]
    before: int  # tries at commit f657ca7, by hand
    before_edits: str  # what the hand had to do to the file, or lost


def dated_index(path: Path, table: Table) -> None:
    """Write a frame with its index, and dates."""
    days = pd.Timestamp("2023-01-31") + pd.to_timedelta(np.arange(table.rows), unit="D")
    plain(table).assign(day=days.strftime("%Y-%m-%d")).to_csv(path)


def excel(path: Path, table: Table) -> None:
    """Write what a German Excel exports: mark, title, semicolons, decimal commas."""
    body = text(table, sep=";", decimal=",")
    path.write_bytes(f"Messwerte 2024;;;\n{body}".encode("utf-8-sig"))


TARGET = {"--target": "y"}
STRANGERS = (
    Stranger(
        "semicolons.csv",
        lambda path, table: path.write_text(text(table, sep=";", decimal=",")),
        TARGET,
        3,
        "the file was rewritten with commas and points",
    ),
    Stranger("excel.csv", excel, TARGET, 3, "the title was cut off, and the file rewritten"),
    Stranger(
        "index.csv",
        dated_index,
        TARGET,
        3,
        "the index was given a name, and the dates were dropped",
    ),
    Stranger(
        "adult.data",
        lambda path, table: path.write_text(with_questions(table)),
        {"--target": "y", "--names": "x,z,city,y"},
        3,
        "the file was renamed to .csv, and a header written into it",
    ),
    Stranger(
        "mixed.parquet",
        lambda path, table: mixed_types(plain(table), path),
        TARGET,
        3,
        "the dates were dropped",
    ),
)


@dataclass(frozen=True)
class Tries:
    """What was typed behind the file's name, try by try, the lines that answered, the end."""

    typed: tuple[str, ...]
    lines: tuple[str, ...]
    finished: bool


def flags() -> set[str]:
    """Return the options of `path` that take no value."""
    command = get_command(app).commands["path"]  # type: ignore[attr-defined]
    switches = [p for p in command.params if getattr(p, "is_flag", False)]
    return {word for switch in switches for word in (*switch.opts, *switch.secondary_opts)}


def next_options(line: str, knows: Mapping[str, str], typed: list[str]) -> list[str]:
    """Return the first option that a line names and that was not typed, with its value."""
    for option, behind in OPTION.findall(line):
        value = knows.get(option) or ("" if option in flags() else behind.strip("'\"`"))
        if option not in typed and value and value != value.upper():  # COLUMN stands for one's own
            return [option, value]
    return []


def tries(stranger: Stranger, folder: Path) -> Tries:
    """Return the tries until a run is finished, or until a line names no new option."""
    stranger.write(folder / stranger.name, Table(np.random.default_rng(0)))
    options: list[str] = []
    typed, lines = [], []
    with contextlib.chdir(folder):
        for _ in range(MOST_TRIES):
            answer = call(["path", stranger.name, *options, *SMALL])
            typed.append(" ".join(options))
            if answer.status == 0:
                return Tries(tuple(typed), tuple(lines), finished=True)
            lines.append(answer.err)
            more = next_options(answer.err, stranger.knows, options)
            if not more:
                break
            options += more
    return Tries(tuple(typed), tuple(lines), finished=False)


def main() -> None:
    """Let every stranger try, say how many tries it took, and write the record."""
    records = []
    for stranger in STRANGERS:
        with tempfile.TemporaryDirectory() as folder:
            made = tries(stranger, Path(folder))
        after = len(made.typed) if made.finished else None
        print(f"{stranger.name}: before {stranger.before}, after {after or 'never'}")
        for line in () if made.finished else made.lines:
            print(f"  {line}")
        records.append(
            {
                "file": stranger.name,
                "before": stranger.before,
                "before_edits": stranger.before_edits,
                "after": after,
                "typed": made.typed,
                "lines": made.lines,
            }
        )
    write_result("strangers", {"files": records})
    if any(record["after"] is None for record in records):
        sys.exit(1)


if __name__ == "__main__":
    main()
