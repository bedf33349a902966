"""Runs an experiment, prints what it found, writes its pictures, and says whether numbers were met.

Who uses this: `shrinkage example`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from shrinkage.atomic import check_folder, write_bytes
from shrinkage.examples.outcome import Check, Outcome, Table
from shrinkage.examples.registry import experiment_named

OUT = Path("runs", "examples")


def run_experiment(
    name: str, *, full: bool = False, data: str | None = None, out: Path | None = None
) -> Outcome:
    """Run an experiment, print its tables and write figures and numbers.

    Args:
        name: of the experiment.
        full: on all of the data, however long that takes.
        data: a data set's name or a folder, in the place of what is found.
        out: the folder for PNG, JSON and pages; `runs/examples/NAME` when None.

    Returns:
        The `Outcome`; `outcome.met` says whether all stated numbers were met.

    Raises:
        InputError: no such experiment, or data that do not fit.
        RunDirectoryError: the folder cannot be written.
    """
    experiment = experiment_named(name)
    folder = OUT / name if out is None else out
    check_folder(folder)
    print(f"{name}: {experiment.summary}", flush=True)
    begin = time.perf_counter()
    outcome = experiment.run(full=full, data=data)
    seconds = time.perf_counter() - begin
    write_outcome(outcome, folder)
    print(outcome_text(outcome))
    figures = counted(len(outcome.figures), "figure")
    pages = counted(len(outcome.pages) + len(outcome.walks), "page")
    print(f"{figures}, {pages} and {name}.json in {folder}, {seconds:.0f} s")
    return outcome


def counted(number: int, noun: str) -> str:
    """Return how many there are of something.

    >>> counted(1, "figure"), counted(2, "page")
    ('1 figure', '2 pages')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def outcome_text(outcome: Outcome) -> str:
    """Return an outcome as it is printed."""
    parts = [f"data: {outcome.data}", *map(str, outcome.parts), str(checks_table(outcome.checks))]
    return "\n\n".join(("", *parts, ""))


def checks_table(checks: Sequence[Check]) -> Table:
    """Return the stated numbers as a table."""
    rows = tuple((c.name, c.value, c.bar, "met" if c.met else "NOT MET") for c in checks)
    return Table("stated numbers", ("number", "measured", "bar", ""), rows)


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write numbers as JSON, figures as PNG, paths and walks as pages into a folder.

    Args:
        outcome: what to write.
        folder: made when it is missing.

    Raises:
        RunDirectoryError: the folder cannot be written.
    """
    from shrinkage.drawing.draw import draw_png
    from shrinkage.reports.slides import render_slides

    text = json.dumps(outcome.to_dict(), indent=2, ensure_ascii=False) + "\n"
    write_bytes(folder / f"{outcome.name}.json", text.encode())
    for figure in outcome.figures:
        write_bytes(folder / f"{figure.key}.png", draw_png(figure))
    for name, path in outcome.pages.items():
        path.to_html(folder / f"{name}.html")
    for name, slides in outcome.walks.items():
        write_bytes(folder / f"{name}.html", render_slides(slides).encode())
