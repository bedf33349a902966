"""Tables as people have them, through `data`, `path`, `predict` and `report`.

    python benchmarks/tables.py [NAME …]

Every table of `made` is put on the command line as its owner would, in this process: each command
ends with status 0, or with status 2 and one line. Where there is one right number of inputs, or a
score that only a table gives whose columns were read as what they are, it is checked too. With
names, those tables alone are run and every line is shown.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from unittest import mock

import numpy as np
from made import KINDS, RUNS, Made
from recording import write_result

from shrinkage.cli.main import app, run
from shrinkage.run import PathRun

SMALL = ("--model", "linear", "--strengths", "0.001,0.1", "--folds", "2", "-q", "--out", "run")
WIDEST_LINE = 900


class Verdict(str, Enum):  # noqa: UP042 - JSON writes its value
    """How a table fared; all but `ends well` and `one line` are faults."""

    WELL = "ends well"
    LINE = "one line"
    REFUSED = "refused, though it must run"
    TRACEBACK = "a traceback, or several lines"
    INPUTS = "other inputs than are right"
    SCORE = "a score that says that a column was misread"
    LATER = "trains, and then predict or report fails"


GOOD = (Verdict.WELL, Verdict.LINE)
BEFORE = {
    "commit": "f657ca7, without the kinds of odd_cells.py and the later words for missing",
    "tables": 111,
    "verdicts": {Verdict.WELL: 36, Verdict.LINE: 28, Verdict.REFUSED: 37, Verdict.INPUTS: 10},
}
"""What this benchmark said of the last version that read files in a few layouts alone."""


@dataclass(frozen=True)
class Answer:
    """What a command left: its status, the last line of each stream, the lines of an error."""

    status: int
    out: str
    err: str
    lines: int
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether it is a success, or a refusal in one line."""
        line = self.err.startswith("error: ") and self.lines == 1
        return self.status == 0 or (self.status == 2 and line and len(self.err) < WIDEST_LINE)


def call(words: list[str], stdin: Path | None = None) -> Answer:
    """Return what the command line answers."""
    out, err = io.StringIO(), io.StringIO()
    begin = time.perf_counter()
    stream = io.TextIOWrapper(io.BytesIO(b"" if stdin is None else stdin.read_bytes()))
    with (
        mock.patch.object(sys, "argv", ["shrinkage", *words]),
        mock.patch.object(sys, "stdin", stream),
        mock.patch.dict(os.environ, {"COLUMNS": "200"}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            run()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:  # what a person would see as a traceback
            traceback.print_exc()
            status = 1
    lines = err.getvalue().splitlines()
    last = [text.getvalue().splitlines()[-1:] or [""] for text in (out, err)]
    seconds = round(time.perf_counter() - begin, 2)
    return Answer(status, last[0][0], last[1][0], len(lines), seconds)


def commands() -> list[str]:
    """Return the names of the commands that there are."""
    return [command.name or "" for command in app.registered_commands]


def answers(kind: Made, folder: Path) -> dict[str, Answer]:
    """Return what each command says of a table; a run that is not there is not read."""
    name = kind.write(folder, np.random.default_rng(0))
    with contextlib.chdir(folder):
        stdin = Path(name) if kind.stdin else None
        typed = "-" if kind.stdin else name
        said: dict[str, Answer] = {}
        if "data" in commands():
            said["data"] = call(["data", typed, *kind.options], stdin)
        with mock.patch.object(PathRun, "report"):  # `report` draws, once
            said["path"] = call(["path", typed, *kind.options, *SMALL], stdin)
        if said["path"].status == 0:
            said["predict"] = call(["predict", "run", typed], stdin)
            said["report"] = call(["report", "run", "-q"])
    return said


def judge(kind: Made, said: dict[str, Answer], summary: dict, inputs: int | None) -> Verdict:
    """Return how a table fared."""
    if not all(answer.is_clean for answer in said.values()):
        return Verdict.TRACEBACK
    if said["path"].status != 0:
        return Verdict.REFUSED if kind.right == RUNS else Verdict.LINE
    if any(answer.status != 0 for answer in said.values()):
        return Verdict.LATER
    if kind.inputs and inputs not in kind.inputs:
        return Verdict.INPUTS
    score = summary.get("best", {}).get("test_score")
    if kind.score is not None and (score is None or score < kind.score):
        return Verdict.SCORE
    return Verdict.WELL


def record(kind: Made) -> dict[str, object]:
    """Return what happened to a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        said = answers(kind, folder)
        summary, inputs = {}, None
        if (folder / "run" / "summary.json").exists():
            summary = json.loads((folder / "run" / "summary.json").read_text())
            inputs = json.loads((folder / "run" / "model.json").read_text())["n_inputs"]
    verdict = judge(kind, said, summary, inputs)
    error = next((answer.err for answer in said.values() if answer.status != 0), "")
    return {
        "kind": kind.name,
        "verdict": verdict,
        "status": {command: answer.status for command, answer in said.items()},
        "seconds": {command: answer.seconds for command, answer in said.items()},
        "inputs": inputs,
        "test_score": summary.get("best", {}).get("test_score"),
        "says": error,
    }


def main(names: list[str]) -> None:
    """Run the tables, say how each fared, and write the record."""
    chosen = [kind for kind in KINDS if not names or kind.name in names]
    records = []
    for kind in chosen:
        row = record(kind)
        records.append(row)
        if names or row["verdict"] not in GOOD:
            verdict: Verdict = row["verdict"]  # type: ignore[assignment]
            figures = f"{row['inputs']} inputs, score {row['test_score']}"
            print(f"{kind.name}: {verdict.value}; {figures} {row['says']}", flush=True)
    counts = Counter(row["verdict"].value for row in records)  # type: ignore[union-attr]
    print(dict(counts))
    if not names:
        figures = {"tables": len(records), "verdicts": dict(counts), "before": BEFORE}
        write_result("tables", {**figures, "each": records})
    if any(row["verdict"] not in GOOD for row in records):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
