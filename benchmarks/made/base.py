"""What a made table is, and the plain one that most of them are a variation of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

RUNS, SAYS = "runs", "says"
ROWS = 240
Write = Callable[[Path, np.random.Generator], str]
"""Writes a table below a folder and returns what is typed for it on the command line."""


@dataclass(frozen=True)
class Made:
    """A kind of table.

    Args:
        name: of the kind, and of its folder.
        write: makes it.
        options: what its owner says beside the file; a path needs the target.
        right: `runs`: it must train; `says`: one line that says what to do is right too.
        inputs: the numbers of inputs that are right, any where there is none.
        score: the least test score of a table that was read as what it is.
        stdin: whether the file is given on the input stream.
    """

    name: str
    write: Write
    options: tuple[str, ...] = ("--target", "y")
    right: str = RUNS
    inputs: tuple[int, ...] = ()
    score: float | None = 0.8
    stdin: bool = False


class Table:
    """Columns `x` and `z` of numbers, and the target y = 3 x + z + noise."""

    def __init__(self, random: np.random.Generator, rows: int = ROWS) -> None:
        self.random, self.rows = random, rows
        self.x, self.z = random.normal(size=(2, rows)).round(3)

    def y(self, strong: object = None) -> np.ndarray:
        """Return a target that follows from a column, from `x` when none is named."""
        column = np.asarray(self.x if strong is None else strong, dtype=float)
        column = (column - column.mean()) / column.std()
        return (3 * column + self.z + 0.1 * self.random.normal(size=self.rows)).round(4)

    def frame(self, **columns: object) -> pd.DataFrame:
        """Return `x`, `z`, further columns, and `y`, which follows from `x` unless it is named."""
        content = {"x": self.x, "z": self.z, **columns}
        return pd.DataFrame({**content, "y": content.pop("y", self.y())})

    def pick(self, *values: object) -> np.ndarray:
        """Return one of the values for each row."""
        return np.array(values, dtype=object)[self.random.integers(0, len(values), self.rows)]


def text_file(name: str, text: Callable[[Table], str], encoding: str = "utf-8") -> Write:
    """Return what writes a text into a file."""

    def write(folder: Path, random: np.random.Generator) -> str:
        (folder / name).write_bytes(text(Table(random)).encode(encoding))
        return name

    return write


def csv_file(
    frame: Callable[[Table], pd.DataFrame], name: str = "table.csv", **how: object
) -> Write:
    """Return what writes a frame as a file of text, as pandas does."""

    def write(folder: Path, random: np.random.Generator) -> str:
        frame(Table(random)).to_csv(folder / name, **{"index": False, **how})  # type: ignore
        return name

    return write
