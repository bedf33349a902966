"""Rows that hold what training never saw: counted, told, warned of, by column."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from shrinkage import L1, L2, GroupLasso, fit_path
from shrinkage.cautions import CautionKind
from shrinkage.datasets import Preprocessing
from shrinkage.datasets.preparation.cell_counts import MissingBecomes
from shrinkage.errors import InputError, UnseenCellsWarning
from shrinkage.paths.results.inputs_read import inputs_read
from shrinkage.reports.cautions import caution_text
from shrinkage.run import load_result
from tests.cli.command_line import shrinkage


def table(rows: int = 60) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draw.normal(size=rows), "lab": draw.normal(size=rows)})
    frame["city"] = draw.choice(["Bern", "Basel"], rows)
    frame.loc[frame.index % 5 == 0, "lab"] = np.nan
    frame["y"] = frame["x"] + (frame["city"] == "Bern")
    return frame


@pytest.fixture(scope="module")
def result():
    X = table()
    fast = {"penalty": L2(), "strengths": (0.01, 0.1), "folds": 2, "progress": False}
    return fit_path("linear", X.drop(columns="y"), X["y"], **fast)


def test_cells_are_counted_by_column(result):
    X = table(10).drop(columns="y")
    X.loc[:3, "city"] = ["Genf", "Genf", "Chur", None]
    X.loc[7, "x"] = np.nan
    x, lab, city = result.examine(X)
    assert (x.name, x.missing, x.missing_becomes) == ("x", 1, MissingBecomes.MEDIAN)
    assert (lab.missing, lab.missing_becomes) == (2, MissingBecomes.MARKED)
    assert (city.rows, city.unseen, city.missing) == (10, 3, 1)
    assert city.examples == ("Genf", "Chur")
    assert not any(own.wholly_unseen for own in (x, lab, city))
    assert "3 of 10 cells" in str(city)
    assert "'Genf'" in str(city)
    result.predict(X)  # and no warning


@pytest.mark.parametrize(
    "change", [{"city": "Genf"}, {"x": np.nan}, {"city": None}], ids=["unseen", "number", "level"]
)
def test_a_column_that_says_nothing_is_a_warning_that_names_it(result, change):
    X = table(10).drop(columns="y").assign(**change)
    with pytest.warns(UnseenCellsWarning, match=next(iter(change))):
        result.predict(X)


def test_a_column_that_is_often_missing_may_be_missing(result):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result.predict(table(10).drop(columns="y").assign(lab=np.nan))


def test_hashes_and_dates_count_missing_cells_alone():
    days = pd.DataFrame({"day": pd.to_datetime(["2024-01-01", "2024-02-03", None] * 5)})
    (counts,) = Preprocessing.fit(days).examine(pd.DataFrame({"day": ["1999-01-01", None]}))
    assert (counts.unseen, counts.missing) == (0, 1)


def test_own_sets_are_examined_before_training():
    X = table()
    rows, y, own = X.drop(columns="y"), X["y"], X.head(9).drop(columns="y")
    options = {"strengths": (0.01, 0.1), "folds": 2, "progress": False}
    with pytest.warns(UnseenCellsWarning, match="test rows: city"):
        result = fit_path("linear", rows, y, test=(own.assign(city="Genf"), y[:9]), **options)
    (caution,) = [own for own in result.cautions if own.kind is CautionKind.NEW_CELLS]
    facts = {"rows": "test", "column": "city", "cells": 9, "missing": 0, "unseen": 9}
    assert caution.facts == {**facts, "examples": ["Genf"]}
    assert "'city'" in caution_text(caution)
    with pytest.warns(UnseenCellsWarning, match="validation rows: city"):
        fit_path("linear", rows, y, validation=(own.assign(city="Genf"), y[:9]), **options)
    with pytest.raises(InputError, match="test rows"):
        fit_path("linear", rows, y, test=(own.assign(x="oops"), y[:9]), **options)


def test_the_command_tells_a_line_a_column_beside_the_predictions(tmp_path):
    frame = table()
    frame.to_csv(tmp_path / "train.csv", index=False)
    new = frame.head(6).drop(columns="y")
    new.loc[:1, "city"] = "[red]Genf"
    new["x"] = np.nan
    new.to_csv(tmp_path / "new.csv", index=False)
    fast = ("--model", "linear", "--penalty", "l2", "--strengths", "0.01,0.1", "--folds", "2", "-q")
    run = tmp_path / "run"
    test = ("--test", tmp_path / "own.csv")
    frame.head(6).assign(city="Chur").to_csv(tmp_path / "own.csv", index=False)
    first = shrinkage("path", tmp_path / "train.csv", "--target", "y", *fast, *test, "--out", run)
    assert first.status == 0, first.err
    assert "warning: test rows: city: all 6 cells" in first.err
    answer = shrinkage("predict", run, tmp_path / "new.csv")
    assert answer.status == 0
    assert len(answer.out.splitlines()) == 7
    lines = answer.err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["warning", "lab", "city"]
    assert lines[0].startswith("warning: x: all 6 cells are missing")
    assert "2 of 6 cells are levels" in lines[2]
    assert "[red]Genf" in lines[2]


def test_columns_that_a_model_does_not_read_are_neither_wanted_nor_told():
    X = table().drop(columns="y")
    fast = {"strengths": (0.1, 0.2), "folds": 2, "progress": False, "choose_by": "loss"}
    path = fit_path("linear", X, X["x"], penalty=L1(), **fast)
    assert path.columns_read() == ("x",)
    assert path.columns_read("unregularized") == ("x", "lab", "city")
    few = X[["x"]]
    np.testing.assert_array_equal(path.predict(few), path.predict(X))
    assert [own.name for own in path.examine(few)] == ["x"]
    with pytest.raises(InputError, match="'lab', 'city'"):
        path.predict(few, "unregularized")


class TwoWays(torch.nn.Module):
    """A network whose second layer reads the inputs, too."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = torch.nn.Linear(inputs, outputs)
        self.second = torch.nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.first(x) + self.second(x)


def test_an_input_that_another_layer_reads_is_read():
    module = TwoWays(3, 1)
    with torch.no_grad():
        module.first.weight[0] = torch.tensor([1.0, 0.0, 0.0])
        assert inputs_read(module, 3) == (0, 1, 2)
        module.second.weight.zero_()
    assert inputs_read(module, 3) == (0,)


def test_a_goal_of_features_names_its_columns_and_wants_no_others(tmp_path):
    draw = np.random.default_rng(0)
    X = pd.DataFrame(draw.normal(size=(120, 6)), columns=list("abcdef"))
    y = np.where(X["b"] + X["e"] > 0, "up", "down")
    X.assign(y=y).to_csv(tmp_path / "t.csv", index=False)
    X[["e", "b"]].head(9).to_csv(tmp_path / "few.csv", index=False)
    run = tmp_path / "run"
    asked = ("--goal", "2 features", "--model", "mlp:8", "--folds", "2", "--epochs", "30")
    answer = shrinkage("path", tmp_path / "t.csv", "--target", "y", *asked, "--out", run, "-q")
    assert answer.status == 0, answer.err
    assert "Columns: b, e." in " ".join(answer.out.split())
    assert "Columns: b, e." in (run / "report.html").read_text()
    few = shrinkage("predict", run, tmp_path / "few.csv")
    assert few.status == 0, few.err
    assert few.out == shrinkage("predict", run, tmp_path / "t.csv").out[: len(few.out)]
    result = load_result(run)
    assert result.goal is not None
    assert result.goal.columns == result.columns_read("goal") == ("b", "e")


def test_a_file_of_a_goal_takes_the_columns_that_are_read(tmp_path):
    pytest.importorskip("onnxruntime")
    X = table().drop(columns="y").assign(kind=np.resize(["u", "v", "w"], 60), n=np.arange(60) % 7)
    fast = {"strengths": (0.1, 0.2), "folds": 2, "progress": False, "choose_by": "loss"}
    path = fit_path("linear", X, X["x"], penalty=GroupLasso(), **fast)
    assert path.to_onnx(tmp_path / "m.onnx", rows=X[["x"]]).columns == {"input": ("x",)}
    whole = fit_path("linear", X[["x", "n"]].to_numpy(float), X["x"], penalty=GroupLasso(), **fast)
    assert whole.to_onnx(tmp_path / "a.onnx").columns == {"input": ("x0", "x1")}
