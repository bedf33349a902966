"""Files of Stata: what their labels of values are taken for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shrinkage.datasets import load_dataset
from shrinkage.datasets.preparation.preprocessing import Preprocessing


def stata(path, labels):
    """Write a Stata file with labels of values, and return the data set and its inputs."""
    codes = np.tile([1, 2, 3], 20)
    frame = pd.DataFrame({"a": codes, "b": np.repeat(codes[:6], 10), "y": np.arange(60) / 7})
    frame.to_stata(path, write_index=False, version=118, value_labels={"a": labels})
    data = load_dataset(path, target="y")
    return data, Preprocessing.fit(data.columns).input_names


def test_labels_have_no_order(tmp_path):
    data, inputs = stata(tmp_path / "t.dta", {1: "Zug", 2: "Bern", 3: "Chur"})
    assert inputs == ("b", "a=Bern", "a=Chur", "a=Zug")
    assert list(pd.DataFrame(data.X)["a"])[:3] == ["Zug", "Bern", "Chur"]


@pytest.mark.parametrize("labels", [{3: "3 or more"}, {1: "no", 2: "no", 3: "yes"}])
def test_numbers_with_some_labels_stay_numbers(tmp_path, labels):
    data, inputs = stata(tmp_path / "t.dta", labels)
    assert inputs == ("a", "b")
    assert list(pd.DataFrame(data.X)["a"])[:3] == [1, 2, 3]
    told = "not every value of 'a' has a label of its own: the numbers were read"
    assert told in data.notes
