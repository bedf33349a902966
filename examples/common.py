"""What the scripts share: pictures to run on; tables, stated numbers and figures; the start.

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
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from shrinkage.datasets import load_dataset
from shrinkage.errors import InputError, RunDirectoryError, ShrinkageError
from shrinkage.paths import FittedPath
from shrinkage.pytorch import zero_fraction
from shrinkage.reports import LineFigure, Series, Slides, draw_png, render_slides, score_figure


def shared_folder(name: str) -> Path | None:
    """Return a folder of SHRINKAGE_SHARED_DATA, or of shared/data beside a clone, if there."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SHRINKAGE_SHARED_DATA", beside)) / name
    return folder if folder.is_dir() else None


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures, (rows, height, width), with labels; `kind` is mnist, part (of it) or digits."""

    kind: str
    sentence: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def scaled(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Training rows and labels, test rows and labels; float32 pixels between 0 and 1."""
        top = np.float32(16 if self.kind == "digits" else 255)
        x, x_test = (X.reshape(len(X), -1).astype(np.float32) / top for X in (self.X, self.X_test))
        return x, self.y, x_test, self.y_test


def pictures(*, full: bool = False, data: str | None = None, part: int = 10_000) -> Pictures:
    """Return MNIST, or `part` random pictures of it, or digits where there is no MNIST.

    MNIST is looked for in the folder `data`, in that of `shared_folder`, and at OpenML.
    """
    inside = Path(data or "", "mnist")
    source = str(inside if data and inside.is_dir() else data or shared_folder("mnist") or "mnist")
    why = "as asked for"
    try:
        table = load_dataset(source)
    except InputError:
        if data is not None:
            raise
        table, why = load_dataset("digits"), "since MNIST is neither here nor to be fetched"
    order = np.random.default_rng(0).permutation(table.n_samples)
    if table.name == "digits":
        train, kind = order[:1400], "digits"
        test, y_test = np.asarray(table.X)[order[1400:]], table.y[order[1400:]]
        what = f"scikit-learn's digits, {why}: 1,400 training and {len(test)} test pictures of 8×8"
    elif table.test is not None and table.image_shape is not None:
        train, kind = order[: None if full else part], "mnist" if full else "part"
        test, y_test = np.asarray(table.test[0]), table.test[1]
        share = "all" if full else f"a random {len(train):,} of the {len(order):,}"
        what = f"MNIST, {share} training pictures, and its {len(test):,} test pictures"
    else:
        raise InputError(
            f"expected pictures with a test set in {data!r}, got none: name a folder with the "
            "four files of MNIST, or digits"
        )
    shape = (-1, *(table.image_shape or ()))
    X, X_test = (rows.reshape(shape) for rows in (np.asarray(table.X)[train], test))
    return Pictures(kind, what, X, table.y[train].astype(np.int64), X_test, y_test.astype(np.int64))


def mean_and_error(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Return the mean over repetitions and its standard error, sd(ddof = 1)/√n."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))


def curve(label: str, rows: Sequence[Sequence[float]], column: int, colour: str) -> Series:
    """Return a column of a table over its first one."""
    x, y = (np.array([row[place] for row in rows]) for place in (0, column))
    return Series(label, x, y, colour)


@dataclass(frozen=True)
class Table:
    """Rows under a title; numbers are shown with four digits that count."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]

    def __str__(self) -> str:
        texts = ([f"{c:.4g}" if isinstance(c, float) else str(c) for c in row] for row in self.rows)
        cells = [list(self.columns), *texts]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
        return "\n".join((self.title, *(f"  {line}" for line in lines)))


@dataclass(frozen=True)
class Text:
    """What something printed, under a title: an audit, a ledger, an error."""

    title: str
    body: str

    def __str__(self) -> str:
        return "\n".join((self.title, *(f"  {line}" for line in self.body.splitlines())))


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
        self.parts: list[Table | Text] = []
        self.checks: list[Check] = []
        self.figures: list[LineFigure] = []
        self.pages: dict[str, FittedPath | Slides] = {}

    def table(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], most: int = 100
    ) -> None:
        """Add a table of at most so many rows, the first and the last among them."""
        chosen = list(map(tuple, rows))
        places = np.linspace(0, len(chosen) - 1, min(most, len(chosen))).round().astype(int)
        self.parts.append(Table(title, tuple(columns), tuple(chosen[i] for i in places)))

    def text(self, title: str, body: object) -> None:
        """Add what something printed."""
        self.parts.append(Text(title, str(body)))

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
        self.figures.append(LineFigure(key, title, reading, f"{alt} {reading}", **drawn))

    def path(self, page: str, path: FittedPath, key: str = "", title: str = "") -> None:
        """Add the page of a path and, if it has a key, the figure of its score."""
        self.pages[page] = path
        if key:
            self.figures.append(replace(score_figure(path), key=key, title=title))

    def path_table(
        self, title: str, path: FittedPath, digits: Pictures, sparse: int | None = None
    ) -> None:
        """Add the table of a path whose models are all refitted, with what was chosen."""
        marks = {"best": path.best.index, "one standard error": path.one_standard_error.index}
        rows = []
        for place, strength in enumerate(path.strengths):
            score = path.score(digits.X_test, digits.y_test, place)
            choice = [word for word, marked in marks.items() if marked == place]
            choice += ["sparse choice"] if place == sparse else []
            numbers = (float(path.score_mean[place]), score, zero_fraction(path.model(place)))
            rows.append((float(strength), *numbers, ", ".join(choice)))
        columns = ("strength", "cross-validated", "test accuracy", "exact zeros", "choice")
        self.table(title, columns, rows)

    @property
    def met(self) -> bool:
        """Whether every stated number was met."""
        return all(check.met for check in self.checks)

    def __str__(self) -> str:
        rows = tuple((c.name, c.value, c.bar, "met" if c.met else "NOT MET") for c in self.checks)
        stated = Table("stated numbers", ("number", "measured", "bar", ""), rows)
        return "\n\n".join(("", f"data: {self.data}", *map(str, self.parts), str(stated), ""))

    def write(self, name: str, folder: Path) -> None:
        """Write numbers as JSON, figures as PNG, and pages."""
        tables = [vars(part) for part in self.parts if isinstance(part, Table)]
        texts = {part.title: part.body for part in self.parts if isinstance(part, Text)}
        numbers = {"experiment": name, "data": self.data, "met": self.met}
        numbers |= {"checks": [vars(c) for c in self.checks], "tables": tables, "texts": texts}
        text = json.dumps(numbers, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
        for figure in self.figures:
            (folder / f"{figure.key}.png").write_bytes(draw_png(figure))
        for key, page in self.pages.items():
            if isinstance(page, Slides):
                (folder / f"{key}.html").write_text(render_slides(page), encoding="utf-8")
            else:
                page.to_html(folder / f"{key}.html")


def main(run: Callable[..., Outcome], *, about: str = "") -> None:
    """Run an experiment as the command line asks, and end the process.

    Args:
        run: takes `full` and, unless it is about data of its own, `data`.
        about: what it is about, where that is data of its own.
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
            raise InputError(
                f"expected no data for {name}, which is about {about}, got {asked.data!r}: "
                "leave --data out"
            )
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


def check_folder(folder: Path) -> None:
    """Make a folder, and find out before the work whether it can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise RunDirectoryError(
            f"cannot write into {folder} ({error.strerror}); choose another folder"
        ) from error
