"""Roles of columns, targets, weights, groups, Parquet, and sources that are not there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shrinkage.datasets import dataset_from_arrays, load_dataset

TABLE = "a,b,w,g,class\n1,2,1,m1,x\n2,3,0,m1,y\n3,4,2.5,m2,x\n"


def test_groups_and_weights_are_no_inputs(write_csv):
    data = load_dataset(write_csv(TABLE), target="class", split_by="g", sample_weight="w", drop="b")
    assert data.input_names == ("a",)
    assert data.groups is not None
    assert data.groups.tolist() == [0, 0, 1]
    assert data.group_name == "g"
    assert data.group_note == ""
    assert data.sample_weight is not None
    assert data.sample_weight.tolist() == [1.0, 0.0, 2.5]


@pytest.mark.parametrize(
    ("arguments", "pieces"),
    [
        ({}, ["target", "'class'"]),
        ({"target": "clas"}, ["'clas'", "did you mean class?"]),
        ({"target": "class", "drop": ["bb"]}, ["'bb'", "drop", "did you mean b?"]),
        ({"target": "class", "split_by": "gg"}, ["'gg'", "split_by"]),
        ({"target": "class", "sample_weight": "ww"}, ["'ww'", "sample_weight"]),
        ({"target": "class", "drop": ["class"]}, ["one role", "'class'"]),
        ({"target": "class", "drop": ["a", "b", "w", "g"]}, ["at least one input column"]),
        ({"target": "class", "split_by": "a"}, ["'a'", "several rows share"]),
        ({"target": "class", "sample_weight": "g"}, ["'g'", "text"]),
        ({"target": "class", "task": "regression"}, ["numbers for regression", "'x'"]),
        ({"target": "class", "task": "regresion"}, ["did you mean regression?"]),
    ],
)
def test_bad_roles(write_csv, refused, arguments, pieces):
    with refused(*pieces):
        load_dataset(write_csv(TABLE), **arguments)


@pytest.mark.parametrize("weight", ["-1", "", "0,0,0"])
def test_bad_weights(write_csv, refused, weight):
    first, *rest = weight.split(",") if "," in weight else [weight, "1", "1"]
    rows = zip([first, *rest], "xyx", strict=True)
    text = "a,w,y\n" + "".join(f"{i},{w},{y}\n" for i, (w, y) in enumerate(rows))
    with refused("sample weights 'w'"):
        load_dataset(write_csv(text), target="y", sample_weight="w")


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["yes", "no"], "classification"),
        (["True", "False"], "classification"),
        (["0", "1", "2"] * 3, "classification"),
        (["0", "1", "2"], "regression"),
        (["-1.0", "1.0"], "classification"),
        ([str(i) for i in range(20)] * 3, "classification"),
        ([str(i) for i in range(20)], "regression"),
        ([str(i) for i in range(21)], "regression"),
        (["0.5", "1.5"], "regression"),
        (["1e100", "2e100"], "regression"),
    ],
)
def test_task_is_guessed(write_csv, cells, task):
    text = "a,y\n" + "".join(f"{i},{c}\n" for i, c in enumerate(cells))
    assert load_dataset(write_csv(text), target="y").task == task


def test_task_overrides_the_guess(write_csv):
    path = write_csv("a,y\n1,0\n2,1\n3,1\n4,2\n5,0\n")
    assert load_dataset(path, target="y").y.dtype == np.int64
    regression = load_dataset(path, target="y", task="regression")
    assert (regression.task, regression.y.dtype) == ("regression", np.float64)


@pytest.mark.parametrize(
    ("cells", "pieces"),
    [
        (["1", "1", "1"], ["at least two different values", "only 1"]),
        (["x", "x", "x"], ["at least two different values", "'x'"]),
        (["1", "", "2"], ["data row 2 (line 3)", "missing"]),
        (["x", "NA", "y"], ["data row 2 (line 3)", "missing"]),
        (["1.5", "2.5", "inf"], ["data row 3 (line 4)", "inf"]),
    ],
)
def test_bad_targets(write_csv, refused, cells, pieces):
    text = "a,y\n" + "".join(f"{i},{c}\n" for i, c in enumerate(cells))
    with refused("'y'", *pieces):
        load_dataset(write_csv(text), target="y")


@pytest.mark.parametrize(
    ("y", "pieces"),
    [
        ([0.5, np.nan, 1.0], ["row 2", "NaN"]),
        ([0.5, np.inf, 1.0], ["row 2", "inf"]),
        ([1, "a", "b"], ["one kind", "int", "str"]),
        ([0, 1], ["(3,)", "(2,)"]),
        (np.zeros((3, 2, 2)), ["(n, targets)", "(3, 2, 2)"]),
    ],
)
def test_bad_target_arrays(refused, y, pieces):
    with refused(*pieces):
        dataset_from_arrays(np.eye(3), y)


def test_group_values_missing(write_csv, refused):
    with refused("'g'", "data row 2 (line 3)", "missing"):
        load_dataset(write_csv("a,g,y\n1,m,0\n2,,1\n3,m,1\n"), target="y", split_by="g")


def test_parquet_keeps_its_types(tmp_path):
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3, 4], dtype="Int64"),
            "flag": [True, False, True, True],
            "code": pd.Categorical(["1", "2", "1", None]),
            "y": [0.5, 1.25, 2.5, 3.0],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    data = load_dataset(tmp_path / "t.parquet", target="y")
    assert data.task == "regression"
    assert isinstance(data.X, pd.DataFrame)
    assert np.array_equal(data.X["whole"], [1, np.nan, 3, 4], equal_nan=True)
    assert data.X["flag"].tolist() == ["True", "False", "True", "True"]
    assert data.X["code"].cat.categories.tolist() == ["1", "2"]
    assert data.X["code"].isna().tolist() == [False, False, False, True]


def test_bad_parquet(tmp_path, refused):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 nonsense")
    with refused("t.parquet", "unreadable"):
        load_dataset(tmp_path / "t.parquet", target="y")
    frame = pd.DataFrame({"pair": [[1, 2], [3, 4]], "y": [0, 1]})
    frame.to_parquet(tmp_path / "d.parquet")
    with refused("'pair'", "a list"):
        load_dataset(tmp_path / "d.parquet", target="y")
    frame[:0].to_parquet(tmp_path / "e.parquet")
    with refused("'e.parquet'", "rows"):
        load_dataset(tmp_path / "e.parquet", target="y")


def test_sources_that_are_not_there(tmp_path, refused, write_csv):
    write_csv(TABLE, "measurements.csv")
    with refused("'digit'", "did you mean digits", "breast-cancer"):
        load_dataset("digit")
    with refused("does not exist", "did you mean measurements.csv"):
        load_dataset(tmp_path / "measurement.csv")
    with refused("'notes.doc'", "rows"):
        load_dataset(write_csv("x", "notes.doc"))
    with refused("does not exist"):
        load_dataset("a\nb")
    with refused("got"):
        load_dataset("x" * 5000)
    with refused("got"):
        load_dataset("nul\0byte")


def test_a_file_in_place_of_a_built_in_is_reached_by_its_path(tmp_path, monkeypatch, write_csv):
    write_csv(TABLE, "digits.csv")
    monkeypatch.chdir(tmp_path)
    assert load_dataset("digits").n_samples == 1797
    assert load_dataset("./digits.csv", target="class").n_samples == 3
