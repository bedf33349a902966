"""What the scripts share: tables, stated numbers and figures; the start.

Who uses this: every script of this folder; its last line is `main(run)`. `run` puts what it
measures into an `Outcome`. `main` prints that, writes numbers, figures and pages into a folder, and
ends with status 0 where all stated numbers were met, 1 where one was not, 2 for bad input.
"""

from __future__ import annotations

import argparse
import inspect
import io
import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from shrinkage import reports
from shrinkage.atomic import check_folder
from shrinkage.datasets import Pictures
from shrinkage.errors import InputError, ShrinkageError
from shrinkage.pytorch import zero_fraction
from shrinkage.run import PathRun


def mean_and_error(values: Sequence[float] | np.ndarray) -> tuple[Any, Any]:
    """Return the mean over repetitions, the first axis, and its standard error, sd(ddof = 1)/√n."""
    return np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / math.sqrt(len(values))


@dataclass(frozen=True)
class Table:
    """Rows under names of columns; numbers are shown with four digits that count."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]

    def __str__(self) -> str:
        texts = ([f"{c:.4g}" if isinstance(c, float) else str(c) for c in row] for row in self.rows)
        cells = [list(self.columns), *texts]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


@dataclass(frozen=True)
class Check:
    """A stated number: what was measured, the bar, and whether it was met."""

    name: str
    value: float
    bar: str
    met: bool


class Outcome:
    """What an experiment measures, in the order in which it is read; `data` says on what."""

    def __init__(self, data: str) -> None:
        self.data = data
        self.parts: dict[str, Table | str] = {}  # by title
        self.checks: list[Check] = []
        self.figures: list[reports.LineFigure] = []
        self.pages: dict[str, PathRun | reports.Slides] = {}

    def table(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], most: int = 100
    ) -> None:
        """Add a table of at most so many rows, the first and the last among them."""
        chosen = list(map(tuple, rows))
        places = np.linspace(0, len(chosen) - 1, min(most, len(chosen))).round().astype(int)
        self.parts[title] = Table(tuple(columns), tuple(chosen[i] for i in places))

    def text(self, title: str, body: object) -> None:
        """Add what something printed: an audit, a ledger, an error."""
        self.parts[title] = str(body)

    def at_least(self, name: str, value: float | None, bar: float) -> None:
        """State a number that is at least the bar; None and NaN never are."""
        measured = math.nan if value is None else float(value)
        self.checks.append(Check(name, measured, f"≥ {bar:g}", measured >= bar))

    def at_most(self, name: str, value: float, bar: float) -> None:
        """State a number that is at most the bar; NaN never is."""
        self.checks.append(Check(name, float(value), f"≤ {bar:g}", bool(value <= bar)))

    def is_true(self, name: str, fact: bool) -> None:
        """State a yes, as 1 or 0."""
        self.checks.append(Check(name, float(fact), "yes", bool(fact)))

    def figure(self, key: str, title: str, reading: str, *, alt: str, **drawn: Any) -> None:
        """Add a figure; `drawn` are x, y, series, and what else a `LineFigure` has."""
        self.figures.append(reports.LineFigure(key, title, reading, f"{alt} {reading}", **drawn))

    def two_loops(
        self, key: str, setting: str, loops: Sequence[tuple], strength: float, path: PathRun
    ) -> None:
        """Add the figure of a loop as published, and of the same with a strength from a path.

        A loop is rows of batch, …, test accuracy after it, and the test accuracy at its end.
        """
        (published, collapsed), (mended, reached) = loops
        first, second = np.transpose(published), np.transpose(mended)
        top, label = path.best.test_score or 0.0, f"same loop, strength {strength:g}"
        self.figure(
            key,
            f"{setting}: collapse, and a strength that works",
            f"As published the network answers one class for every picture ({collapsed:.1%}); the "
            f"same loop with strength {strength:g} reaches {reached:.1%}, and the path's own "
            f"recipe {top:.1%}.",
            alt="Two curves of test accuracy by batch.",
            x=reports.Axis("batch"),
            y=reports.Axis("test accuracy", percent=True, limits=(0.0, 1.0)),
            series=(
                reports.Series("as published", first[0], first[-1], "simple"),
                reports.Series(label, second[0], second[-1], "best"),
            ),
            horizontals=(reports.Mark(top, f"path's recipe, {path.best.strength:g}", "training"),),
        )

    def path(self, page: str, path: PathRun, key: str = "", title: str = "") -> None:
        """Add the page of a path and, if it has a key, the figure of its score."""
        self.pages[page] = path
        if key:
            self.figures.append(replace(reports.score_figure(path), key=key, title=title))

    def path_table(self, title: str, path: PathRun, digits: Pictures, sparse: int = -1) -> None:
        """Add the table of a path whose models are all refitted, with what was chosen."""
        marks = {"best": path.best.index, "one standard error": path.one_standard_error.index}
        marks, rows = {**marks, "sparse choice": sparse}, []
        for place, strength in enumerate(path.strengths):
            score = path.score(*digits.test, place)
            numbers = (float(path.score_mean[place]), score, zero_fraction(path.model(place)))
            choice = ", ".join(mark for mark, marked in marks.items() if marked == place)
            rows.append((float(strength), *numbers, choice))
        columns = ("strength", "cross-validated", "test accuracy", "exact zeros", "choice")
        self.table(title, columns, rows)

    @property
    def met(self) -> bool:
        """Whether every stated number was met."""
        return all(check.met for check in self.checks)

    def __str__(self) -> str:
        rows = tuple((c.name, c.value, c.bar, "met" if c.met else "NOT MET") for c in self.checks)
        stated = {"stated numbers": Table(("number", "measured", "bar", ""), rows)}
        shown = (
            "\n  ".join((title, *str(part).splitlines()))
            for title, part in (self.parts | stated).items()
        )
        return "\n\n".join(("", f"data: {self.data}", *shown, ""))

    def write(self, name: str, folder: Path) -> None:
        """Write numbers as JSON, figures as PNG, and pages."""
        texts = {title: part for title, part in self.parts.items() if isinstance(part, str)}
        tables = [
            {"title": title, **vars(part)}
            for title, part in self.parts.items()
            if isinstance(part, Table)
        ]
        numbers = {"experiment": name, "data": self.data, "met": self.met}
        numbers |= {"checks": [vars(c) for c in self.checks], "tables": tables, "texts": texts}
        text = json.dumps(numbers, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
        for figure in self.figures:
            (folder / f"{figure.key}.png").write_bytes(reports.draw_png(figure))
        for key, page in self.pages.items():
            if isinstance(page, reports.Slides):
                (folder / f"{key}.html").write_text(reports.render_slides(page), encoding="utf-8")
            else:
                page.to_html(folder / f"{key}.html")


def main(run: Callable[..., Outcome], *, about: str = "") -> None:
    """Run an experiment as the command line asks, and end the process.

    `run` takes `full` and `data`; no `data` where it is `about` data of its own.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without λ shows a question mark
    name = Path(inspect.getfile(run)).stem.replace("_", "-")
    summary = run.__globals__["__doc__"].splitlines()[0].rstrip(".")  # type: ignore[attr-defined]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--full", action="store_true", help="on all of the data: minutes")
    parser.add_argument("--data", help="a data set's name, or a file or folder of it")
    parser.add_argument("--out", type=Path, default=Path("runs", "examples", name))
    asked = parser.parse_args()
    try:
        if about and asked.data is not None:
            why = f"expected no data for {name}, which is about {about}, got {asked.data!r}"
            raise InputError(f"{why}: leave --data out")
        check_folder(asked.out)
        print(f"{name}: {summary}", flush=True)
        begin = time.perf_counter()
        outcome = run(full=asked.full, **({} if about else {"data": asked.data}))
        seconds = time.perf_counter() - begin
        outcome.write(name, asked.out)
        print(outcome)
        counts = ((len(outcome.figures), "figure"), (len(outcome.pages), "page"))
        files = ", ".join(f"{count} {noun}{'s' * (count != 1)}" for count, noun in counts)
        print(f"{files} and {name}.json in {asked.out}, {seconds:.0f} s", flush=True)
    except (ShrinkageError, OSError) as error:
        parser.exit(2, "error: " + " ".join(str(error).splitlines()) + "\n")
    sys.exit(0 if outcome.met else 1)
