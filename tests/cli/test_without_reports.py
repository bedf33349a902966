"""Without the extra that draws, a path keeps its numbers and says so; the report comes later."""

from __future__ import annotations

import sys

import pytest

from shrinkage.errors import SkippedReport
from shrinkage.run import load_result
from tests.cli.command_line import QUICK, shrinkage, small_columns, write_table


def test_numbers_are_kept_and_a_report_is_drawn_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "t.csv", small_columns())
    command = ("path", "t.csv", "--target", "y", *QUICK, "--drop", "g", "--out", "run")
    with monkeypatch.context() as hidden:
        for name in ("matplotlib", "jinja2"):
            hidden.setitem(sys.modules, name, None)
        answer = shrinkage(*command)
        assert answer.status == 0, answer.err
        assert 'pip install "shrinkage[reports]"' in answer.err  # before training
        assert answer.out.splitlines()[-1].startswith("no report: expected matplotlib and jinja2")
        assert (tmp_path / "run" / "summary.json").exists()
        assert not (tmp_path / "run" / "report.html").exists()
        assert shrinkage("predict", "run", "t.csv").status == 0
        early = shrinkage("report", "run")
        assert (early.status, early.out) == (2, "")
        with pytest.warns(SkippedReport, match="matplotlib"):
            load_result("run").write(tmp_path / "again")
    assert shrinkage("report", "run").status == 0
    assert (tmp_path / "run" / "report.html").exists()
