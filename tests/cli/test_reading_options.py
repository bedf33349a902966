"""Options of reading on the command line: they reach every file of a run, and its predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.cli.command_line import shrinkage

FAST = ("--model", "linear", "--strengths", "0.1,1", "--folds", "2", "--out", "run")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with a run that was trained on a file without a header."""
    folder = tmp_path_factory.mktemp("reading")
    x = np.random.default_rng(0).normal(size=60).round(3)
    lines = [f"{a};{'ab'[i % 2]};{2 * a:.3f}" for i, a in enumerate(x)]
    (folder / "train.data").write_text("\n".join(lines))
    (folder / "test.data").write_text("\n".join(lines[:9]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        read = ("--no-header", "--target", "column_3", "--test", "test.data")
        answer = shrinkage("path", "train.data", *read, *FAST)
    assert answer.status == 0, answer
    (folder / "said.txt").write_text(answer.err)
    return folder


def test_what_was_decided_is_told_for_every_file(here):
    said = (here / "said.txt").read_text().splitlines()
    for name in ("", "test.data: "):
        assert any(line.startswith(f"{name}a semicolon") for line in said)
        assert any(line.startswith(f"{name}no header") for line in said)


def test_the_run_keeps_how_its_file_was_read(here):
    kept = json.loads((here / "run" / "model.json").read_text())["read_options"]
    notes = json.loads((here / "run" / "summary.json").read_text())["notes"]
    assert len(notes) == 2
    page = (here / "run" / "report.html").read_text()
    assert all(note in page for note in notes)
    assert kept == {"header": False, "names": ["column_1", "column_2", "column_3"]}


@pytest.mark.parametrize(
    "text",
    [
        "1.0;a\n-1.0;b\n",
        "1.0;a;0\n-1.0;b;0\n",
        "column_2,column_1\na,1.0\nb,-1.0\n",
        "size\tkind\n1.0\ta\n-1.0\tb\n",
    ],
)
def test_rows_to_predict_are_read_alike(here, monkeypatch, text):
    monkeypatch.chdir(here)
    (here / "new.data").write_text(text)
    answer = shrinkage("predict", "run", "new.data")
    assert answer.status == 0, answer
    name, *values = answer.out.splitlines()
    assert name == "prediction"
    assert float(values[0]) > 0 > float(values[1])


def test_options_of_predict_overrule(here, monkeypatch):
    monkeypatch.chdir(here)
    (here / "new.data").write_text("kind:size\na:1.0\nb:-1.0\n")
    read = ("--separator", ":", "--header", "--names", "column_2,column_1")
    answer = shrinkage("predict", "run", "new.data", *read)
    assert float(answer.out.splitlines()[1]) > 0


def test_a_first_row_of_data_is_asked_about(here, monkeypatch):
    monkeypatch.chdir(here)
    answer = shrinkage("path", "train.data", "--target", "column_3", *FAST)
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    assert "--no-header" in answer.err
