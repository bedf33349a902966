"""What a column was taken for, in words: a sentence a decision, none for what is ordinary."""

from __future__ import annotations

import pytest

from shrinkage.datasets.column_readings import ColumnDoubt
from shrinkage.datasets.column_records import MOST_RECORDS, MOST_TEXT, column_records
from shrinkage.datasets.columns import judge_column
from shrinkage.reports.told_columns import (
    DOUBTS,
    column_sentences,
    column_shows,
    kind_words,
    told_columns,
)

TOLD = [
    ["1.234,5", "2"],
    ["5 kg", "6 kg", "7"],
    ["12%", "3%"],
    ["1.2M", "300k"],
    ["1.3.2024", "2.4.2024"],
    ["1", "n/a"],
    ["a", "none"],
    ["Male", "male"],
    ["TRUE", "no "],
    ["01234", "90210"],
    ["same", "same"],
    ["", ""],
    ["1", "", ""],
]
ORDINARY = [
    ["a b", "a\n b", "c"],
    ["1.5", "2"],
    ["a", "b"],
    ["yes", "no"],
    ["1", "2", ""],
    ["true", "false"],
]


def record(cells: list[str]) -> dict:
    """Return the record of a column."""
    return column_records([judge_column("c", cells).reading])[0]


def test_every_doubt_has_a_sentence() -> None:
    assert set(DOUBTS) == {doubt.value for doubt in ColumnDoubt}


@pytest.mark.parametrize("cells", TOLD)
def test_decisions_are_told(cells) -> None:
    if cells != ["TRUE", "no "]:
        assert column_sentences(record(cells))
    assert kind_words(record(cells))
    assert column_shows(record(cells))


@pytest.mark.parametrize("cells", ORDINARY)
def test_what_is_ordinary_is_not_told(cells) -> None:
    assert column_sentences(record(cells)) == []


def test_columns_with_the_same_decision_share_a_line() -> None:
    records = [{**record(["1", "2", "n/a"]), "name": f"c{i}"} for i in range(50)]
    records += [{**record(["a", "none"]), "name": "[red]\nd"}]
    lines = told_columns(records)
    assert lines[0].startswith("c0, c1, c2 and 47 more: ")
    assert lines[1].startswith("[red] d: ")
    assert len(lines) == 2
    many = [{**record([str(i), f"w{i}", "none"]), "name": f"c{i}"} for i in range(3)]
    assert "more" in told_columns([*records, *many], most=1)[-1]


def test_records_are_short() -> None:
    wide = [judge_column(f"c{i}", ["1", "2"]).reading for i in range(MOST_RECORDS + 1)]
    told = judge_column("odd", ["1,5", "n/a"]).reading
    assert [r["name"] for r in column_records([*wide, told])] == ["odd"]
    long = judge_column("c", ["x" * 500, f"{'y' * 300} ", "y" * 300]).reading
    texts = column_records([long])[0]
    assert max(len(text) for text in texts["examples"]) == MOST_TEXT
    assert "levels" not in texts["rule"]
