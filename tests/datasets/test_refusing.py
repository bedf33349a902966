"""Columns that cannot be inputs are told at once, with the option that leaves all of them out."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pandas as pd
import pytest

from shrinkage.comma_lists import CommaList
from shrinkage.datasets import load_dataset
from shrinkage.datasets.refusing import are_amounts
from shrinkage.errors import InputError

ROWS = 40


@pytest.fixture
def table(tmp_path):
    frame = pd.DataFrame(
        {
            "Name": [f"Mr. {chr(65 + i % 26)}{i}" for i in range(ROWS)],
            "Ticket": [f"PC {17 * i}" for i in range(ROWS)],
            "Cabin, deck": [f"C{i}" for i in range(ROWS)],
            "age": np.arange(ROWS) % 7,
            "y": np.arange(ROWS) % 2,
        }
    )
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    return path


def test_identifiers_are_told_at_once_and_the_option_that_is_told_drops_them(table):
    with pytest.raises(InputError) as caught:
        load_dataset(table, target="y")
    message = str(caught.value)
    assert all(name in message for name in ("'Name'", "'Ticket'", "'Cabin, deck'", "'PC 0'"))
    option = re.search(r"[(](--drop .*?)[)], or keep", message)
    assert option is not None, message
    _, typed = shlex.split(option[1])
    assert load_dataset(table, target="y", drop=(CommaList(typed),)).input_names == ("age",)


def test_bad_cells_and_nested_cells_are_told_beside_identifiers(tmp_path, table, refused):
    frame = pd.read_csv(table, dtype=str).drop(columns=["Ticket", "Cabin, deck"])
    frame.loc[4, "age"] = "old"
    frame.to_csv(tmp_path / "bad.csv", index=False)
    with refused("row 5 (line 6)", "'old'", "'Name'", "all 2", "age,Name"):
        load_dataset(tmp_path / "bad.csv", target="y")
    nested = pd.DataFrame({"tags": [[1]] * ROWS, "more": [{}] * ROWS, "x": range(ROWS)})
    nested.assign(y=np.arange(ROWS) % 2).to_json(tmp_path / "n.jsonl", orient="records", lines=True)
    with refused("'tags'", "'more'", "--drop tags,more"):
        load_dataset(tmp_path / "n.jsonl", target="y")


@pytest.mark.parametrize(
    "cells",
    [
        ["02139", "90210", "10001", "60614"],
        ["02139-1234", "90210-0001", "10001-9999", "60614-1111"],
        ["3f2a9c11", "9b1d2200", "11aa07fe", "123e5678"],
        ["1012 AB", "3511 XC", "9712 KH", "2511 GT"],
        ["10.0.0.1", "192.168.2.14", "8.8.8.8", "172.16.0.5"],
        ["12 Main St", "7 Oak Ave", "310 Elm Rd", "4 Ash Ct"],
    ],
)
def test_codes_are_not_called_amounts(cells):
    assert not are_amounts(cells)


@pytest.mark.parametrize(
    "cells", [["5 ft 11", "6 ft 2"], ["~12.5 kg", "13 kg", "<2 kg"], ["1,000-2,000", "5-10"]]
)
def test_amounts_in_no_one_way_are(cells):
    assert are_amounts(cells)


def test_leading_zeros_are_no_amounts(tmp_path, refused):
    frame = pd.DataFrame({"zip": [f"0{2000 + 7 * i}" for i in range(30)], "y": [0, 1] * 15})
    frame.to_csv(tmp_path / "z.csv", index=False)
    with refused("'zip'", "an identifier or free text?"):
        load_dataset(tmp_path / "z.csv", target="y")


def test_a_running_number_of_each_of_a_few_is_to_be_split_by(tmp_path, refused):
    frame = pd.DataFrame({"mouse": [f"{i // 5}_{1 + i % 5}" for i in range(40)], "y": [0, 1] * 20})
    frame.assign(x=range(40)).to_csv(tmp_path / "m.csv", index=False)
    with refused("--split-by mouse", "'0_1'"):
        load_dataset(tmp_path / "m.csv", target="y")
