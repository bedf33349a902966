"""What the scripts' start prints, writes and answers, on an experiment that takes no time."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import common
from common import Outcome, main
from shrinkage.reports import Axis, Row, Series, Slides


def measured(bar: float) -> Outcome:
    line = Series("measured", np.arange(3.0), np.arange(3.0), "best")
    outcome = Outcome("three numbers")
    outcome.table("values", ("x", "y"), ((1, 0.97531), ("none", 2.0)))
    outcome.text("said", "one\ntwo")
    outcome.at_least("accuracy", 0.97, bar)
    outcome.figure(
        "tiny-curve", "Tiny", "Rises.", alt="A line.", x=Axis("x"), y=Axis("y"), series=(line,)
    )
    row = Row("L1", "strength", ("0.1",), tuple(outcome.figures))
    outcome.pages["tiny-walk"] = Slides("A walk", "", (row,))
    return outcome


@pytest.fixture
def started(monkeypatch):
    """Start an experiment, note with what it was run, and return the status it ends with."""
    calls = []

    def run(*, full: bool = False, data: str | None = None) -> Outcome:
        calls.append((full, data))
        return measured(0.98 if full else 0.95)

    def start(*options: str) -> int:
        monkeypatch.setattr(sys, "argv", ["tiny.py", *options])
        with pytest.raises(SystemExit) as ended:
            main(run)
        return ended.value.code  # type: ignore[return-value]

    monkeypatch.setattr(common.inspect, "getfile", lambda _: "tiny.py")
    start.calls = calls  # type: ignore[attr-defined]
    return start


def test_a_run_prints_its_numbers_and_writes_figure_and_json(started, tmp_path, capsys):
    assert started("--data", "digits", "--out", str(tmp_path)) == 0
    assert started.calls == [(False, "digits")]
    said = capsys.readouterr().out
    assert "accuracy  0.97      ≥ 0.95  met" in said
    assert "0.9753" in said
    assert (tmp_path / "tiny-curve.png").read_bytes()[:4] == b"\x89PNG"
    assert "A walk" in (tmp_path / "tiny-walk.html").read_text(encoding="utf-8")
    assert "1 figure, 1 page and tiny.json" in said
    written = json.loads((tmp_path / "tiny.json").read_text(encoding="utf-8"))
    assert written["met"] is True
    assert written["checks"] == [{"name": "accuracy", "value": 0.97, "bar": "≥ 0.95", "met": True}]
    assert str(tmp_path) not in (tmp_path / "tiny.json").read_text(encoding="utf-8")


def test_a_number_that_is_not_met_is_said_to_be(started, tmp_path, capsys):
    assert started("--full", "--out", str(tmp_path)) == 1
    assert started.calls == [(True, None)]
    assert "NOT MET" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_refused_before_the_run(started, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert started("--out", str(tmp_path / "file" / "deep")) == 2
    assert "choose another folder" in capsys.readouterr().err
    assert started.calls == []


def test_files_are_there_when_nobody_reads_what_is_printed(started, tmp_path, monkeypatch):
    def closed(_: object) -> str:
        raise BrokenPipeError

    monkeypatch.setattr(Outcome, "__str__", closed)
    assert started("--out", str(tmp_path)) == 2
    assert (tmp_path / "tiny.json").is_file()
    assert started.calls == [(False, None)]


def test_checks_know_nan_and_both_sides_of_a_bar():
    outcome = Outcome("")
    for value in (float("nan"), None, 0.499, 0.5):
        outcome.at_least("x", value, 0.5)
    for value in (float("nan"), 0.501, 0.5):
        outcome.at_most("x", value, 0.5)
    outcome.is_true("x", False)
    met = [check.met for check in outcome.checks]
    assert met == [False, False, False, True, False, False, True, False]
    assert not outcome.met


def test_a_long_table_keeps_its_first_and_last_row():
    outcome = Outcome("")
    outcome.table("values", ("x",), [(number,) for number in range(9)], most=3)
    assert [row[0] for row in outcome.parts["values"].rows] == [0, 4, 8]  # type: ignore[union-attr]
