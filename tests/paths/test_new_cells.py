"""Rows that hold what training never saw: counted, told, warned of, by column."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from shrinkage import fit_path
from shrinkage.cautions import CautionKind
from shrinkage.datasets import Preprocessing
from shrinkage.datasets.preparation.cell_counts import MissingBecomes
from shrinkage.errors import InputError, UnseenCellsWarning
from shrinkage.reports.cautions import caution_text
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
    return fit_path(
        "linear", X.drop(columns="y"), X["y"], strengths=(0.01, 0.1), folds=2, progress=False
    )


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
    fast = ("--model", "linear", "--strengths", "0.01,0.1", "--folds", "2", "-q")
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
