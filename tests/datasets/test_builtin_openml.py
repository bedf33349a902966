"""Built-in data sets, and OpenML behind a stand-in for the network."""

from __future__ import annotations

import urllib.error
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets

from shrinkage.datasets import builtin_names, load_dataset, read_rows


@pytest.mark.parametrize(
    ("name", "loader", "task"),
    [
        ("digits", "load_digits", "classification"),
        ("breast-cancer", "load_breast_cancer", "classification"),
        ("wine", "load_wine", "classification"),
        ("diabetes", "load_diabetes", "regression"),
    ],
)
def test_builtins_hold_scikit_learns_numbers(name, loader, task):
    X, y = getattr(sklearn.datasets, loader)(return_X_y=True)
    data = load_dataset(name)
    assert name in builtin_names()
    assert data.task == task
    assert np.array_equal(np.asarray(data.X), X)
    assert np.array_equal(data.y, y)
    assert len(data.input_names) == X.shape[1]
    assert np.array_equal(np.asarray(read_rows(name)), X)


def test_builtin_tables_take_roles(refused):
    data = load_dataset("wine", target="alcohol", drop=["target"])
    assert data.task == "regression"
    assert "target" not in data.input_names
    with refused("no target", "'digits'"):
        load_dataset("digits", target="digit")


@pytest.fixture
def network(monkeypatch):
    """Replace scikit-learn's fetcher, the border to the network, and return what it was asked."""
    asked = []

    def install(answer):
        def fetch(**arguments):
            asked.append(arguments)
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
        return asked

    return install


def bunch(frame: pd.DataFrame, *targets: str) -> sklearn.utils.Bunch:
    return sklearn.utils.Bunch(frame=frame, target_names=list(targets))


def test_openml_types(network):
    frame = pd.DataFrame(
        {
            "size": [1.5, np.nan, 3.0],
            "code": pd.Categorical(["1", "2", None]),
            "class": pd.Categorical(["p", "e", "p"]),
        }
    )
    asked = network(bunch(frame, "class"))
    data = load_dataset("openml:mushroom")
    assert asked[0]["name"] == "mushroom"
    assert data.y.tolist() == ["p", "e", "p"]
    assert data.X["code"].cat.categories.tolist() == ["1", "2"]
    assert data.target_name == "class"
    assert np.array_equal(data.X["size"], [1.5, np.nan, 3.0], equal_nan=True)
    other = load_dataset("openml:mushroom", target="class", drop=["code"])
    assert other.input_names == ("size",)


def test_openml_target_missing_row(network):
    network(bunch(pd.DataFrame({"a": [1.0, 2.0], "b": [1, 2]})))
    with pytest.raises(ValueError, match="one default target"):
        load_dataset("openml:two")


def test_mnist_from_openml(network, monkeypatch):
    monkeypatch.setattr("shrinkage.datasets.formats.builtin.MNIST_TRAIN", 6)
    values = np.random.default_rng(0).integers(0, 256, (8, 4))
    frame = pd.DataFrame(values, columns=[f"pixel{i + 1}" for i in range(4)])
    asked = network(bunch(frame.assign(**{"class": pd.Categorical(list("01010101"))}), "class"))
    data = load_dataset("mnist")
    assert asked[0]["name"] == "mnist_784"
    assert data.pixels
    assert data.image_shape == (2, 2)
    assert np.array_equal(data.X, values[:6])
    assert np.array_equal(data.test[0], values[6:])
    assert data.test[1].tolist() == ["0", "1"]


@pytest.mark.parametrize(
    ("error", "pieces"),
    [
        (urllib.error.URLError("no route"), ["openml.org", "no route", "check the network"]),
        (TimeoutError("slow"), ["TimeoutError", "check the network"]),
        (ValueError("Dataset x\nwith no version"), ["'x'", "check the name"]),
    ],
)
def test_openml_without_answer(network, refused, error, pieces):
    network(error)
    with refused(*pieces):
        load_dataset("openml:x")


def test_openml_name_is_needed(refused):
    with refused("openml:NAME"):
        load_dataset("openml:")


def test_openml_warnings_become_notes(monkeypatch):
    frame = pd.DataFrame({"a": [1.0, 2.0], "y": ["p", "q"]})

    def fetch(**arguments):
        warnings.warn(f"Multiple active versions\nof {arguments['name']}", stacklevel=1)
        return bunch(frame, "y")

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch)
    assert load_dataset("openml:x").notes == ("Multiple active versions of x",)
