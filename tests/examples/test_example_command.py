"""`shrinkage example`: the list, the exit status, and names that do not exist."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from shrinkage.cli import example
from shrinkage.errors import InputError
from shrinkage.examples import EXPERIMENTS, Outcome, runner
from shrinkage.examples.outcome import at_least

application = typer.Typer()
application.command("example")(example.command)


def called(*arguments: str):
    return CliRunner().invoke(application, list(arguments))


def test_the_list_names_every_experiment():
    done = called("--list")
    assert done.exit_code == 0
    for name in EXPERIMENTS:
        assert name in done.output


def test_no_name_and_an_unknown_one_are_refused():
    assert isinstance(called().exception, InputError)
    refused = called("torch-l3")
    assert isinstance(refused.exception, InputError)
    assert "torch-l1" in str(refused.exception)


@pytest.mark.parametrize(("value", "status"), [(1.0, 0), (0.0, 1)])
def test_status_says_whether_the_numbers_were_met(value, status, monkeypatch, tmp_path):
    class Tiny:
        summary = "stands in"

        def run(self, *, full: bool, data: str | None) -> Outcome:
            assert (full, data) == (True, "digits")
            return Outcome("tiny", "none", (), (at_least("x", value, 0.5),))

    monkeypatch.setattr(runner, "experiment_named", lambda _: Tiny())
    folder = str(tmp_path / "deep")
    done = called("tiny", "--full", "--data", "digits", "--out", folder)
    assert done.exit_code == status
    assert (Path(folder) / "tiny.json").is_file()
