"""What a person says about columns: TOML out and in gives the same, and nonsense is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnKind, ColumnSpec, read_specs, specs_text
from shrinkage.errors import InputError

AWKWARD = ['a "quote"', "back\\slash", "line\nbreak", "\x7f\x01", "é ', [x]", "", "a.b", "123"]
FULL = ColumnSpec(
    kind=ColumnKind.ORDINAL,
    missing=("", 'say "none"'),
    decimal=",",
    thousands="'",
    unit="€",
    date_format="%d.%m.%Y",
    order=("low", "high"),
    keep_case=True,
    group="size",
    free=True,
    encode="target",
    rare=3,
    indicator=False,
    drop=True,
)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "columns.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_field_of_a_spec_comes_back(tmp_path: Path) -> None:
    assert all(getattr(FULL, field.name) != field.default for field in fields(ColumnSpec))
    specs = dict.fromkeys(AWKWARD, FULL) | {"empty": ColumnSpec(), "no": ColumnSpec(missing=())}
    assert read_specs(write(tmp_path, specs_text(specs))) == specs


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_any_name_and_word_comes_back(tmp_path_factory: pytest.TempPathFactory, words) -> None:
    specs = {name: ColumnSpec(missing=(word,)) for name, word in words.items()}
    path = write(tmp_path_factory.mktemp("specs"), "")
    path.write_bytes(specs_text(specs).encode())
    assert read_specs(path) == specs


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("[age]\nkid = 'numeric'", ("columns.toml", "age", "kind")),
        ("[age]\nkind = 'number'", ("columns.toml", "age", "numeric", "number")),
        ("[age]\nkind = 'pixels'", ("age", "pixels")),
        ("[age]\nmissing = '-999'", ("age", "missing", "list")),
        ("[age]\nfree = 'yes'", ("age", "free", "true or false")),
        ("[age]\ndecimal = ';'", ("age", "decimal")),
        ("[age]\ndecimal = ','\nthousands = ','", ("age", "thousands")),
        ("[age]\nkind = 'ordinal'", ("age", "order")),
        ("[age]\nkind = 'date'\norder = ['a', 'b']", ("age", "order")),
        ("[age]\norder = ['a', 'a']", ("age", "order")),
        ("age = 3", ("age",)),
        ("[age", ("columns.toml", "TOML")),
    ],
)
def test_a_file_that_means_nothing_is_refused(tmp_path: Path, text: str, pieces) -> None:
    with pytest.raises(InputError) as refused:
        read_specs(write(tmp_path, text))
    assert "\n" not in str(refused.value)
    assert all(piece in str(refused.value) for piece in pieces), str(refused.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"columns\.toml"):
        read_specs(tmp_path / "columns.toml")


def test_every_field_of_a_rule_comes_back() -> None:
    rule = CellRule(
        ColumnKind.CATEGORY,
        missing=("na",),
        decimal=",",
        thousands=".",
        units=("kg",),
        magnitudes=True,
        date_format="%Y",
        levels=("no", "yes"),
        truth=("no", "yes"),
        keep_case=True,
    )
    assert all(getattr(rule, field.name) != field.default for field in fields(CellRule)), (
        "a field of the rule is not tried here"
    )
    assert CellRule.from_dict(rule.to_dict()) == rule
