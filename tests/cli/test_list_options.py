"""Every option that is a list adds up when repeated, keeps its commas, and takes quoted names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from shrinkage.cli.main import app
from shrinkage.comma_lists import CommaList, items_of
from shrinkage.datasets import load_dataset
from shrinkage.errors import InputError
from tests.cli.command_line import shrinkage, write_table

# An item of these has commas of its own: 1e-3*elastic-net(l1_ratio=0.3), dropout=0,0.2.
ITEMS_OF_THEIR_OWN = {"--with", "--second", "--vary"}
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def options() -> Iterator[tuple[str, Any]]:
    for name, command in COMMANDS.items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                yield name, parameter


LISTS = [(name, option) for name, option in options() if option.multiple]
SPLIT = [(name, option) for name, option in LISTS if option.opts[0] not in ITEMS_OF_THEIR_OWN]


def words(name: str) -> list[str]:
    """Return what a command must have beside its list options."""
    needed: list[str] = []
    for parameter in COMMANDS[name].params:
        if parameter.required:
            option = parameter.param_type_name == "option"
            needed += [parameter.opts[0], "1"] if option else ["1"]
    return needed


@pytest.mark.parametrize(("name", "option"), SPLIT, ids=lambda case: getattr(case, "name", case))
def test_repeated_options_add_up_and_quotes_keep_a_comma(name: str, option: Any) -> None:
    typed = [word for text in ("a", "b,c", '"d,e", f') for word in (option.opts[0], text)]
    values = COMMANDS[name].make_context(name, [*words(name), *typed]).params[option.name]
    assert all(isinstance(value, CommaList) for value in values)
    assert items_of(values) == ("a", "b", "c", "d,e", "f")


def test_what_speaks_of_a_list_is_one() -> None:
    assert len(SPLIT) >= 5
    single = [option for _, option in options() if not option.multiple]
    speaks = ("comma", "columns to", "a,b", "patterns", "list.")
    wrong = [o.opts[0] for o in single if any(word in f"{o.help}".lower() for word in speaks)]
    assert wrong == []


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table with names that hold a comma, a quote and a blank at the end."""
    monkeypatch.chdir(tmp_path)
    names = ("a", "b", "a,b", 'say "x", y', "end ", "y")
    columns = {name: [i * (number + 1) % 7 for i in range(30)] for number, name in enumerate(names)}
    return write_table(tmp_path / "t.csv", {**columns, "y": ["u", "v", "w"] * 10})


ALL = ("a", "b", "a,b", 'say "x", y', "end")


@pytest.mark.parametrize(
    ("texts", "left"),
    [
        (("a", "b"), ("a,b", 'say "x", y', "end")),
        (("a,b",), ("a", "b", 'say "x", y', "end")),
        (("b,a",), ("a,b", 'say "x", y', "end")),
        (('"a,b",a',), ("b", 'say "x", y', "end")),
        (('say "x", y',), ("a", "b", "a,b", "end")),
        (('"say ""x"", y",b',), ("a", "a,b", "end")),
        (("end , a ,",), ("b", "a,b", 'say "x", y')),
        (("end", "a", "a"), ("b", "a,b", 'say "x", y')),
        ((), ALL),
    ],
)
def test_columns_to_drop(table, texts, left) -> None:
    rows = load_dataset(table, target="y", drop=[CommaList(text) for text in texts])
    assert tuple(name.strip() for name in rows.input_names) == left


def test_from_python_a_name_is_a_name(table) -> None:
    assert "a" in load_dataset(table, target="y", drop=["a,b"]).input_names
    with pytest.raises(InputError, match="b,a"):
        load_dataset(table, target="y", drop=["b,a"])


@pytest.mark.usefixtures("table")
def test_a_quote_that_is_not_closed_is_one_line() -> None:
    answer = shrinkage("path", "t.csv", "--target", "y", "--drop", '"a,b', "--drop", "b")
    assert (answer.status, answer.err.count("\n")) == (2, 1)


def test_repeated_factors_and_strengths_add_up() -> None:
    decay = ("--learning-rate", "1e-3", "--weight-decay", "0.1", "--json")
    apart = shrinkage("timescale", *decay, "--scale", "width=4", "--scale", "epochs=2")
    assert apart.status == 0
    assert apart.out == shrinkage("timescale", *decay, "--scale", "width=4,epochs=2").out
    assert "width=4,epochs=2" in json.loads(apart.out)["scaled"]
    wrong = ("--strengths", "0.2", "--strengths", "0.1")
    assert "got 0.2,0.1" in shrinkage("path", "digits", *wrong).err
