"""What the runner prints, writes and answers, on an experiment that takes no time."""

from __future__ import annotations

import json

import numpy as np
import pytest

from shrinkage.drawing.figures import Axis, LineFigure, Series
from shrinkage.errors import InputError, RunDirectoryError
from shrinkage.examples import (
    Experiment,
    Outcome,
    Table,
    Text,
    experiment_named,
    registry,
    run_experiment,
    runner,
)
from shrinkage.examples.outcome import at_least, at_most, is_true
from shrinkage.examples.pictures import pictures
from shrinkage.reports.slides import Row, Slides


def outcome(bar: float) -> Outcome:
    line = Series("measured", np.arange(3.0), np.arange(3.0), "best")
    figure = LineFigure("tiny-curve", "Tiny", "Rises.", "A line.", Axis("x"), Axis("y"), (line,))
    return Outcome(
        "tiny",
        "three numbers",
        (Table("values", ("x", "y"), ((1, 0.97531), ("none", 2.0))), Text("said", "one\ntwo")),
        (at_least("accuracy", 0.97, bar),),
        (figure,),
        walks={"tiny-walk": Slides("A walk", "", (Row("L1", "strength", ("0.1",), (figure,)),))},
    )


@pytest.fixture
def tiny(monkeypatch):
    """Stand in for the registry's answer, and note with what it was run."""
    calls = []

    class Tiny(Experiment):
        def run(self, *, full: bool = False, data: str | None = None) -> Outcome:
            calls.append((full, data))
            return outcome(0.98 if full else 0.95)

    monkeypatch.setattr(runner, "experiment_named", lambda name: Tiny(name, "stands in"))
    return calls


def test_a_run_prints_its_numbers_and_writes_figure_and_json(tiny, tmp_path, capsys):
    assert run_experiment("tiny", data="digits", out=tmp_path).met
    assert tiny == [(False, "digits")]
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


def test_a_number_that_is_not_met_is_said_to_be(tiny, tmp_path, capsys):
    assert not run_experiment("tiny", full=True, out=tmp_path).met
    assert tiny == [(True, None)]
    assert "NOT MET" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_refused_before_the_run(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunDirectoryError, match="choose another folder"):
        run_experiment("tiny", out=tmp_path / "file" / "deep")
    assert tiny == []


def test_files_are_there_when_nobody_reads_what_is_printed(tiny, tmp_path, monkeypatch):
    def closed(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(runner, "outcome_text", closed)
    with pytest.raises(BrokenPipeError):
        run_experiment("tiny", out=tmp_path)
    assert (tmp_path / "tiny.json").is_file()
    assert tiny == [(False, None)]


def test_data_are_refused_where_an_experiment_has_its_own():
    with pytest.raises(InputError, match=r"which is about .*digits, got 'wine': leave --data out"):
        experiment_named("zero-strength").run(data="wine")


def test_a_missing_package_is_named(monkeypatch):
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name="sklearn")

    monkeypatch.setattr(registry.importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"package sklearn .* pip install 'shrinkage\[examples\]'"):
        experiment_named("polynomial").run()


def test_checks_know_nan_and_both_sides_of_a_bar():
    assert not at_least("x", float("nan"), 0.0).met
    assert not at_most("x", float("nan"), 0.0).met
    assert at_least("x", 0.5, 0.5).met
    assert at_most("x", 0.5, 0.5).met
    assert not at_least("x", 0.499, 0.5).met
    assert not at_most("x", 0.501, 0.5).met
    assert not is_true("x", False).met


def test_pictures_say_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="IDX files"):
        pictures(data=str(tmp_path))
    with pytest.raises(InputError, match="test set"):
        pictures(data="wine")
    with pytest.raises(InputError, match="does not exist"):
        pictures(data="no-such-folder")


def test_pictures_fall_back_to_digits_and_say_so(monkeypatch):
    from shrinkage.examples import pictures as module

    def offline(source: str) -> object:
        if source == "mnist":
            raise InputError("expected an answer of openml.org, got URLError")
        return loaded(source)

    loaded = module.load_dataset
    monkeypatch.setattr(module, "shared_folder", lambda _: None)
    monkeypatch.setattr(module, "load_dataset", offline)
    found = pictures()
    assert found.kind == "digits"
    assert "neither here nor to be fetched" in found.sentence
    assert found.scaled[0].max() == 1.0
    with pytest.raises(InputError, match=r"openml\.org"):
        pictures(data="mnist")
