"""Numbers as people write them are read as the numbers they are, in training and prediction."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from shrinkage.datasets import Preprocessing, dataset_from_arrays, load_dataset
from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_readings import ColumnDoubt
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec
from shrinkage.datasets.columns import judge_column, judge_columns, values_as_numbers
from shrinkage.datasets.judging.missing_words import ALWAYS_MISSING, MISSING_AMONG_NUMBERS
from tests.datasets.spellings import SPELLINGS, some_numbers

NOTHING_SAID = ColumnSpec()


def numeric(cells, spec: ColumnSpec = NOTHING_SAID) -> tuple[np.ndarray, list[ColumnDoubt]]:
    """Return the numbers of a column that has to be numeric, and what was doubted."""
    judged = judge_column("c", cells, spec)
    assert judged.reading.kind is ColumnKind.NUMERIC, judged.reading
    return judged.values.to_numpy(), list(judged.reading.doubts)


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_gives_the_true_numbers(name: str) -> None:
    spelling, values = SPELLINGS[name], some_numbers()
    cells = [spelling.write(value) for value in values]
    read, doubts = numeric(cells)
    allowed = 10.0**-spelling.decimals * (np.abs(values) if name == "exponent" else 1)
    assert np.all(np.abs(read - values) <= allowed)
    assert not doubts or name == "whole thousands"


@pytest.mark.parametrize("name", SPELLINGS)
def test_prediction_reads_what_training_read(name: str) -> None:
    cells = [SPELLINGS[name].write(value) for value in some_numbers()]
    judged = judge_column("c", [*cells, "n/a", None])
    rule = CellRule.from_dict(json.loads(json.dumps(judged.reading.rule.to_dict())))
    for few in (cells[:3], cells[-1:], ["-", " N/A "]):
        again = values_as_numbers("c", pd.Series(few, dtype=object), rule)
        alone = [judged.values[cells.index(c)] if c in cells else np.nan for c in few]
        assert np.array_equal(again, alone, equal_nan=True)


@pytest.mark.parametrize("word", sorted(ALWAYS_MISSING | MISSING_AMONG_NUMBERS))
def test_words_for_missing_among_numbers(word: str) -> None:
    cells = [*(f"{i},5" for i in range(8)), word.upper(), f" {word} ", word]
    judged = judge_column("c", cells)
    assert judged.reading.kind is ColumnKind.NUMERIC
    assert np.isnan(judged.values[8:]).all()
    assert judged.reading.missing == 3
    assert sum(count for _, count in judged.reading.missing_words) == (3 if word else 0)


def test_most_cells_may_be_missing() -> None:
    read, _ = numeric(["N/A"] * 95 + ["1.5", "2", "3", "4", "5"])
    assert np.isnan(read).sum() == 95


@pytest.mark.parametrize(
    ("cells", "value", "doubt"),
    [
        (["1,234", "5,678"], 1234.0, ColumnDoubt.COMMA_AS_THOUSANDS),
        (["1.234", "5.678"], 1.234, None),
        (["1,234", "5,67"], 1.234, None),
        (["1.000", "2.500", "17.250", "500"], 1000.0, ColumnDoubt.POINT_AS_THOUSANDS),
        (["1.125", "2", "3.375", "7.500"], 1.125, None),
        (["1.000", "2.500", "17.250", "50000"], 1.0, None),
        (["1.234", "1.234.567"], 1234.0, None),
        (["1,234", "1,234,567"], 1234.0, None),
        (["1,234", "0,567"], 1.234, None),
        (["$1,234", "$5,678"], 1234.0, None),
        (["12,34,567", "1,234"], 1234567.0, None),
    ],
)
def test_marks_that_read_both_ways(cells, value, doubt) -> None:
    read, doubts = numeric(cells)
    assert read[0] == value
    assert doubts == ([] if doubt is None else [doubt])


@pytest.mark.parametrize(
    ("other", "cells", "value", "doubt"),
    [
        (["0,5", "2,75"], ["1,234", "5,678"], 1.234, ColumnDoubt.COMMA_AS_DECIMAL),
        (["0,5", "2,75"], ["1.234", "5.678"], 1234.0, ColumnDoubt.POINT_AS_THOUSANDS),
        (["0.5", "2.75"], ["1,234", "5,678"], 1234.0, None),
        (["0.5", "2.75"], ["1.234", "5.678"], 1.234, None),
        (["a", "b"], ["1,234", "5,678"], 1234.0, ColumnDoubt.COMMA_AS_THOUSANDS),
    ],
)
def test_other_columns_decide(other, cells, value, doubt) -> None:
    for order in (1, -1):
        judged = judge_columns([("c", cells), ("other", other)][::order])[::order]
        assert judged[0].values[0] == value
        assert list(judged[0].reading.doubts) == ([] if doubt is None else [doubt])


@pytest.mark.parametrize(
    ("cells", "value"), [(["1,234", "5,678"], 1.234), (["1.234", "5.678"], 1.234)]
)
def test_a_semicolon_makes_decimal_commas_likely_and_no_more(cells, value, tmp_path) -> None:
    lines = ["a;y", *(f"{cells[i % 2]};{i % 2}" for i in range(8))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert load_dataset(tmp_path / "t.csv", target="y").X["a"][0] == value


@pytest.mark.parametrize("cells", [["01234", "90210"], ["007", "123"], ["00", "01", "10"]])
def test_codes_with_leading_zeros_are_text(cells) -> None:
    judged = judge_column("zip", cells)
    assert judged.values.tolist() == cells
    assert judged.reading.doubts == (ColumnDoubt.LEADING_ZEROS,)
    read, _ = numeric(cells, ColumnSpec(kind=ColumnKind.NUMERIC))
    assert read.tolist() == [float(cell) for cell in cells]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.2M", "300k", "5"], [1.2e6, 3e5, 5.0]),
        (["€110.5M", "€565K", "€0"], [110.5e6, 565e3, 0.0]),
        (["34 y", "1 year", "2 Years", "3 yrs."], [34.0, 1.0, 2.0, 3.0]),
        (["10,000+", "500+", "1,000,000+"], [1e4, 500.0, 1e6]),
        (["5.-", "7.50", "1'200.-"], [5.0, 7.5, 1200.0]),
        (["\ufeff5", "\u200b6.5", "7\u200e"], [5.0, 6.5, 7.0]),
        (["12%", "0", "3.5 %"], [0.12, 0.0, 0.035]),
        (["12:30", "0:15", "7:30:00"], [12.5, 0.25, 7.5]),
        (["0 days 01:30:00", "-1 days +23:00:00", "1 day, 2:15:00"], [1.5, -1.0, 26.25]),
        (["P1DT1H30M", "PT90S", "P0DT0H30M0S"], [25.5, 0.025, 0.5]),
        (["12:30 AM", "1:30 pm", "12:15 PM"], [0.5, 13.5, 12.25]),
        (["21.5 °C", "-3°C"], [21.5, -3.0]),
    ],
)
def test_units_and_magnitudes(cells, numbers) -> None:
    assert numeric(cells)[0].tolist() == numbers


def test_some_cells_without_the_unit_are_told() -> None:
    assert numeric(["5 kg", "6 kg", "7"])[1] == [ColumnDoubt.BARE_NUMBERS]


@pytest.mark.parametrize(
    "cells",
    [
        ["1st", "2nd", "3rd"],
        ["Q1", "Q2", "Q3"],
        ["12a", "14b", "9"],
        ["1.2.3", "1.2.4"],
        ["10-20", "20-30"],
        ["10.0.174.3", "10.0.1.12"],
        ["5:3", "16:9"],
        ["0x1F", "0x2A"],
        ["A/5 21171", "PC 17599"],
        ["1. März 2021", "2. März 2021"],
        ["1/2", "3/4"],
        ["5'11\"", "6'2\""],
    ],
)
def test_what_is_no_number_stays_text(cells) -> None:
    assert judge_column("c", cells).values.tolist() == cells


@pytest.mark.parametrize(
    ("cells", "pieces"),
    [
        ([f"{i} kg" for i in range(9)] + [f"{i} g" for i in range(9)], ["units", "kind"]),
        ([f"${i}" for i in range(9)] + [f"€{i}" for i in range(9)], ["units"]),
        ([f"{i}%" for i in range(9)] + [f"0.{i}" for i in range(1, 9)], ["units"]),
        ([f"{i}.5" for i in range(9)] + [f"{i},5" for i in range(9)], ["decimal marks"]),
        ([f"{i} kmpl" for i in range(9)] + [f"{i} km/kg" for i in range(9)], ["units"]),
        ([str(i) for i in range(30)] + ["Varies"] * 9, ["Varies", "missing", "category"]),
        ([str(i) for i in range(30)] + ["oops"], ["row 31", "'oops'", "30 of its 31"]),
        ([str(i) for i in range(20)] + ["12b"], ["row 21", "'12b'", "20 of its 21"]),
        (["1", "2", "inf"], ["row 3", "finite"]),
        (["1,5", "2,5", "1e999"], ["row 3", "finite"]),
    ],
)
def test_mixtures_and_garbage_are_refused(cells, pieces, refused) -> None:
    with refused("'c'", *pieces):
        judge_column("c", cells)


@pytest.mark.parametrize(
    ("spec", "cells", "numbers"),
    [
        (ColumnSpec(decimal=","), ["1,234", "5"], [1.234, 5.0]),
        (ColumnSpec(thousands=","), ["1,234", "5"], [1234.0, 5.0]),
        (ColumnSpec(thousands="."), ["1.234", "5,5"], [1234.0, 5.5]),
        (ColumnSpec(thousands="_"), ["1_234", "5"], [1234.0, 5.0]),
        (ColumnSpec(unit="pts"), ["5 pts", "6"], [5.0, 6.0]),
        (ColumnSpec(missing=("-999", "999")), ["-999", "5", "999"], [np.nan, 5.0, np.nan]),
        (ColumnSpec(ColumnKind.NUMERIC, missing=("x",)), ["x", "5"], [np.nan, 5.0]),
        (ColumnSpec(missing=("x",)), ["x", "5", "n/a"], [np.nan, 5.0, np.nan]),
    ],
)
def test_what_a_person_says_comes_first(spec, cells, numbers) -> None:
    assert np.array_equal(numeric(cells, spec)[0], numbers, equal_nan=True)
    typed = [float(c) for c in cells] if spec.missing and "x" not in cells else cells
    assert np.array_equal(numeric(pd.Series(typed), spec)[0], numbers, equal_nan=True)


@pytest.mark.parametrize("now", [["5.5"], ["5,5 %"], ["5,5 g"], ["x"], ["1,234.5"]])
def test_prediction_refuses_what_training_did_not_hold(now, refused) -> None:
    rule = judge_column("c", ["1.234,5 kg", "2,5 kg"]).reading.rule
    with refused("'c'", "row 1", now[0]):
        values_as_numbers("c", pd.Series(now), rule)


def test_bare_numbers_are_refused_where_training_had_per_cent(refused) -> None:
    rule = judge_column("c", ["12%", "3%"]).reading.rule
    with refused("'c'", "row 2", "0.12", "%"):
        values_as_numbers("c", pd.Series(["0", "0.12"]), rule)
    assert values_as_numbers("c", pd.Series([0.12]), rule)[0] == 0.12


def test_a_whole_table_is_prepared_by_its_rules() -> None:
    values = some_numbers(20)
    ways = [s for n, s in SPELLINGS.items() if s.decimals == 2 or "per cent" in n]
    values = np.round(values, 2)
    text = pd.DataFrame({str(i): [way.write(v) for v in values] for i, way in enumerate(ways)})
    data = dataset_from_arrays(text, np.arange(20) % 2)
    fitted = Preprocessing.fit(data.columns)
    again = Preprocessing.from_dict(json.loads(json.dumps(fitted.to_dict())))
    true = pd.DataFrame(dict.fromkeys(text.columns, values))
    expected = Preprocessing.fit(true).transform(true, np.float64)
    for rows in (data.X, text):
        np.testing.assert_allclose(again.transform(rows, np.float64), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "cells",
    [
        [f"10.0.{i}.{i + 1}" for i in range(30)],
        [f"({47 + i / 100}, {8 + i / 100})" for i in range(30)],
        [f"5'{i % 12}" for i in range(30)],
        [f"{i} {('Elm', 'Oak', 'Hill', 'Lake', 'Main')[i % 5]} Road" for i in range(30)],
        [f"{i % 31}{('th', 'st', 'nd', 'rd')[i % 4]}" for i in range(60)],
    ],
)
def test_what_only_looks_like_amounts_is_not_taken_for_a_mixture(cells) -> None:
    assert judge_column("c", cells).reading.kind is ColumnKind.CATEGORY


@pytest.mark.parametrize("columns", [2, 40])
def test_whole_numbers_that_became_equal_are_told(tmp_path, columns):
    """Keys of 17 digits are no numbers: of two neighbours floats make one."""
    keys = [str(10**17 + row) for row in range(40)]
    far = [str(10**17 + 1000 * row) for row in range(40)]
    named = {"key": keys, "far": far, **{f"x{i}": np.arange(40) % 7 for i in range(columns)}}
    pd.DataFrame({**named, "y": np.arange(40) % 2}).to_csv(tmp_path / "t.csv", index=False)
    readings = {own.name: own for own in load_dataset(tmp_path / "t.csv", target="y").readings}
    assert readings["key"].doubts == (ColumnDoubt.LOST_DIGITS,)
    assert not readings["far"].doubts
