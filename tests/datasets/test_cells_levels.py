"""Levels: blanks, case and spellings of truth are made alike, once, the same way for new rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from shrinkage.datasets import Preprocessing, dataset_from_arrays, load_dataset, read_rows
from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_readings import ColumnDoubt
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.columns import judge_column, values_as_levels

TRUTHS = [
    ["TRUE", "FALSE", "true", "False"],
    ["T", "F", "t"],
    ["yes", "no", "YES", "No "],
    ["y", "n", "Y", "N"],
    ["true", "false", "1", "0"],
    ["ja", "nein", "Ja"],
    ["oui", "non", "OUI"],
    ["on", "off", "ON"],
]


@pytest.mark.parametrize("cells", TRUTHS)
def test_truth_in_any_spelling_is_two_levels(cells) -> None:
    judged = judge_column("c", cells)
    rule = judged.reading.rule
    true = {"t", "true", "yes", "y", "1", "ja", "oui", "on"}
    says = [cell.strip().lower() in true for cell in cells]
    assert judged.values.tolist() == [rule.truth[say] for say in says]
    for now in (pd.Series([True, False]), pd.Series(["True", " FALSE "]), pd.Series([1, 0])):
        codes, levels = values_as_levels(now, rule)
        assert [levels[code] for code in codes] == [rule.truth[1], rule.truth[0]]


@pytest.mark.parametrize(
    "cells",
    [["t", "f", "y"], ["f", "n"], ["true", "maybe"], ["1", "0"], ["yes", "yes"], ["a", "f"]],
)
def test_what_is_no_truth_stays(cells) -> None:
    assert judge_column("c", cells).reading.rule.truth == ()


def test_blanks_never_set_levels_apart_and_the_commonest_spelling_stays() -> None:
    cells = [" Private", "Private", "Private ", "Private", "New  York", "New\u00a0York", "New York"]
    judged = judge_column("c", cells)
    assert set(judged.values) == {"Private", "New York"}
    assert ("New\u00a0York", "New York") in judged.reading.merged
    assert judged.reading.doubts == (ColumnDoubt.BLANKS_MERGED,)
    assert judge_column("c", [" a", " b", " "]).reading.doubts == ()


def test_words_that_differ_by_case_are_one_level_and_told() -> None:
    judged = judge_column("c", ["male", "Male", "male", "MALE", "female"])
    assert judged.values.tolist() == ["male"] * 4 + ["female"]
    assert dict(judged.reading.merged) == {"Male": "male", "MALE": "male"}
    said = judge_column("c", ["male", "Male"], ColumnSpec(keep_case=True))
    assert said.values.tolist() == ["male", "Male"]


@pytest.mark.parametrize(
    "cells", [["AA", "Aa", "aa"], ["Co", "CO"], ["m", "M"], ["iPhone", "IPhone"]]
)
def test_short_words_and_odd_casings_stay_apart_and_are_told(cells) -> None:
    judged = judge_column("c", cells)
    assert judged.values.tolist() == cells
    assert judged.reading.doubts == (ColumnDoubt.CASES_APART,)
    codes, levels = values_as_levels(pd.Series(cells), judged.reading.rule)
    assert [levels[code] for code in codes] == cells


def test_words_for_missing_that_may_be_levels_are_told() -> None:
    judged = judge_column("garage", ["attached", "none", "N/A", "unknown", "none"])
    assert judged.reading.level_words == (("none", 2), ("unknown", 1))
    assert judged.reading.missing_words == (("N/A", 1),)
    assert ColumnDoubt.WORDS_AS_LEVELS in judged.reading.doubts
    said = judge_column("garage", ["attached", "none"], ColumnSpec(missing=("None",)))
    assert said.values.isna().tolist() == [False, True]
    kept = judge_column("garage", ["NA", "None", ""], ColumnSpec(missing=()))
    assert kept.values.isna().tolist() == [False, False, True]


def test_ordinals_keep_their_order(refused) -> None:
    spec = ColumnSpec(order=("low", "mid", "high"))
    judged = judge_column("c", ["mid", "High ", "low", "n/a"], spec)
    assert judged.reading.kind is ColumnKind.ORDINAL
    assert judged.values.cat.ordered
    assert judged.values.cat.codes.tolist() == [1, 2, 0, -1]
    with refused("'c'", "row 2", "'huge'", "low, mid, high"):
        judge_column("c", ["low", "huge"], spec)
    typed = pd.Series(pd.Categorical(["b", "a"], ["b", "a"], ordered=True))
    assert judge_column("c", typed).values.cat.categories.tolist() == ["b", "a"]


def test_a_category_that_spells_missing_stays_one() -> None:
    judged = judge_column("c", pd.Series(pd.Categorical(["NA", "b", None])))
    assert judged.values.isna().tolist() == [False, False, True]
    codes, levels = values_as_levels(pd.Series(["NA", None]), judged.reading.rule)
    assert [levels[code] for code in codes] == ["NA", None]


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (["Private", "State"], [" private ", "STATE"]),
        (["True", "False"], pd.Series([True, False])),
        (pd.Series([True, False]), ["TRUE", "false"]),
        (["01", "02"], pd.Series([1, 2])),
        (["1", "x"], pd.Series([1.0, None], dtype=object).fillna("x")),
        (["Genève", "Bern"], ["Gene\u0300ve", "bern"]),
        (pd.Series(pd.Categorical(["p", "q"])), ["p ", "Q"]),
    ],
)
def test_new_rows_find_their_levels(then, now) -> None:
    """All columns were zero in silence where a file wrote its words in another case."""
    frame = pd.DataFrame({"c": list(then) * 3})
    fitted = Preprocessing.fit(dataset_from_arrays(frame, np.arange(6) % 2).columns)
    again = Preprocessing.from_dict(json.loads(json.dumps(fitted.to_dict())))
    inputs = again.transform(pd.DataFrame({"c": now}))
    assert inputs.sum(axis=1).tolist() == [1, 1]
    assert np.array_equal(inputs, fitted.transform(frame)[:2])


def test_files_are_prepared_alike_whatever_their_case(tmp_path) -> None:
    rows = [("TRUE", " Private", "1,5"), ("False", "State", "2,5"), ("true", "private", "n/a")]

    def write(name: str, rows) -> str:
        lines = [f"{a};{b};{c};{i % 2}" for i, (a, b, c) in enumerate(rows * 3)]
        (tmp_path / name).write_text("\n".join(["a;b;c;y", *lines]) + "\n")
        return str(tmp_path / name)

    data = load_dataset(write("train.csv", rows), target="y")
    fitted = Preprocessing.fit(data.columns)
    other = [("true", "PRIVATE ", "1,50"), ("FALSE", " state", "2,5"), ("T", "Private", "")]
    new = read_rows(write("new.csv", other))
    assert np.array_equal(fitted.transform(new), fitted.transform(data.X))


def test_new_levels_of_own_sets_join_the_known_ones() -> None:
    rules = {"c": judge_column("c", ["Bern", "Basel"]).reading.rule}
    data = dataset_from_arrays(pd.DataFrame({"c": ["bern", "Chur"]}), [0, 1], rules=rules)
    assert data.X["c"].tolist() == ["Bern", "Chur"]
    assert data.columns.rule("c") == rules["c"]


def test_a_rule_comes_back_from_json() -> None:
    rule = judge_column("c", ["yes", "no", "NA"]).reading.rule
    assert CellRule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule
