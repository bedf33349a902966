"""`shrinkage data`: a table told before training, a `columns.toml` that comes back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file
from typer.main import get_command

from shrinkage.cli.main import app
from shrinkage.datasets import Preprocessing, load_dataset
from shrinkage.datasets.column_specs import ColumnKind, read_specs
from tests.cli.command_line import QUICK, shrinkage, write_table

ROWS = 24


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory):
    """Return a file in which every column is odd, and one is refused."""
    draw = np.random.default_rng(0)
    lines = ["age;income;[red]x[/red];smoker;id;const;y"]
    for row in range(ROWS):
        age = "n/a" if row % 5 == 0 else str(draw.integers(18, 90))
        income = f"{draw.uniform(1e3, 9e3):,.2f}".translate({ord(","): ".", ord("."): ","})
        words = ["yes", "NO", "Yes "][row % 3]
        lines.append(f"{age};{income};{draw.normal():.4f};{words};name{row};k;{row % 2}")
    path = tmp_path_factory.mktemp("data") / "people.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_table_is_told(table) -> None:
    answer = shrinkage("data", table, "--target", "y")
    assert answer.status == 0
    for piece in ("people.csv: 24 rows, 7 columns", "[red]x[/red]", "yes or", "21 %", "name0"):
        assert piece in answer.out, answer.out
    assert answer.out.count("refused:") == 1


def test_it_fits_eighty_columns(table, capsys, monkeypatch) -> None:
    from shrinkage.cli.told import show_look
    from shrinkage.datasets.load import open_table
    from shrinkage.datasets.roles import Roles
    from shrinkage.datasets.table_look import look_at_table

    monkeypatch.setenv("COLUMNS", "80")
    opened = open_table(table)
    show_look(look_at_table(opened.name, opened.table, Roles()), None)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_json_holds_the_fields(table) -> None:
    answer = shrinkage("data", table, "--target", "y", "--drop", "const", "--json")
    look = json.loads(answer.out)
    columns = {record["name"]: record for record in look["columns"]}
    assert (look["rows"], look["left_out"], list(look["refused"])) == (ROWS, ["const"], ["id"])
    assert columns["age"]["missing_words"] == [["n/a", 5]]
    assert columns["income"]["rule"] == {"kind": "numeric", "decimal": ",", "thousands": "."}
    assert (columns["smoker"]["inputs"], columns["y"]["role"]) == (2, "target")
    assert look["inputs"] == sum(record["inputs"] or 0 for record in look["columns"])


def test_what_was_decided_comes_back_and_can_be_edited(table, tmp_path) -> None:
    written = tmp_path / "columns.toml"
    answer = shrinkage("data", table, "--target", "y", "--write", written)
    assert answer.status == 0
    assert "where drop = true leaves out " in " ".join(answer.out.split())
    specs = read_specs(written)
    assert specs["id"].drop
    assert specs["income"].decimal == ","
    said: Any = load_dataset(table, target="y", specs=specs)
    judged = load_dataset(table, target="y", drop=["id"])
    assert said.X.equals(judged.X)
    assert said.left_out == ("id",)
    written.write_text(written.read_text() + "[y]\n")
    edited = written.read_text().replace('[smoker]\nkind = "category"', "[smoker]\ndrop = true")
    edited = edited.replace('[age]\nkind = "numeric"', '[age]\nkind = "category"')
    written.write_text(edited)
    data = load_dataset(table, target="y", specs=read_specs(written))
    assert data.columns.rule("age").kind is ColumnKind.CATEGORY
    assert "smoker" not in Preprocessing.fit(data.columns).columns


def test_a_path_tells_and_keeps_what_was_decided(table, tmp_path) -> None:
    run = tmp_path / "run"
    answer = shrinkage("path", table, "--target", "y", "--drop", "id", *QUICK, "--out", run)
    assert answer.status == 0, answer.err
    assert "decimal commas" in answer.err
    assert "left out: 'id'" in answer.err
    summary = json.loads((run / "summary.json").read_text())
    columns = {record["name"]: record for record in summary["columns"]}
    assert columns["income"]["rule"]["decimal"] == ","
    assert columns["const"]["dropped"]
    assert summary["left_out"] == ["id"]
    page = (run / "report.html").read_text()
    assert "decimal commas" in page
    assert "[red]x[/red]" in page


@pytest.mark.parametrize(
    ("arguments", "pieces"),
    [
        (["--target", "z"], ["'z'", "target"]),
        (["--drop", "nope"], ["'nope'"]),
        (["--columns", "none.toml"], ["none.toml"]),
    ],
)
def test_bad_input_is_one_line(table, arguments, pieces) -> None:
    answer = shrinkage("data", table, *arguments)
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    assert all(piece in answer.err for piece in pieces), answer.err


def test_data_takes_what_a_path_is_told_of_columns_and_files():
    commands = get_command(app).commands  # type: ignore[attr-defined]
    options = {name: {word for p in commands[name].params for word in p.opts} for name in commands}
    said = {"--target", "--drop", "--split-by", "--sample-weight", "--task", "--columns"}
    said |= {"--separator", "--encoding", "--header", "--names", "--sheet"}
    assert said <= options["path"] & options["data"]


def test_several_targets_and_times_are_told(tmp_path) -> None:
    path = write_table(
        tmp_path / "trial.csv",
        {
            "a": np.arange(20) / 7,
            "days": np.arange(20) + 0.5,
            "dose": np.arange(20)[::-1] / 3,
            "died": np.arange(20) % 4 == 0,
            "ill": np.arange(20) % 2,
            "well": np.arange(20) % 5 == 0,
        },
    )
    answer = shrinkage("data", path, "--target", "days,dose", "--json")
    look = json.loads(answer.out)
    assert [c["name"] for c in look["columns"] if c["role"] == "target"] == ["days", "dose"]
    assert [part["name"] for part in look["target"]["parts"]] == ["days", "dose"]
    labels = shrinkage("data", path, "--target", "ill,well")
    assert "2 labels, 20 rows: ill in 50 %, well in 20 %" in labels.out
    assert "a model without inputs has a mean average precision of 0.35" in labels.out
    times = shrinkage("data", path, "--target", "days", "--event", "died").out
    assert "censored times, 20 rows from 0.500 to 19.5, 5 of them of the event" in times
    assert "a model without inputs has a concordance index of 0.5" in times
    assert " regression" not in times
    alone = shrinkage("data", path, "--event", "died")
    assert alone.status == 2
    assert "expected --target beside --event" in alone.err


@pytest.mark.parametrize("kind", ["npz", "svmlight", "several"])
def test_targets_that_a_file_says_itself_are_no_inputs(tmp_path, kind) -> None:
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    path, expected = tmp_path / f"rows.{kind}", ["y"]
    if kind == "svmlight":
        dump_svmlight_file(X, y, str(path))
        expected = ["target"]
    elif kind == "several":
        path, expected = tmp_path / "rows.npz", ["y0", "y1"]
        np.savez(path, X=X, y=X[:, :2])
    else:
        np.savez(path, X=X, y=y)
    look = json.loads(shrinkage("data", path, "--json").out)
    assert [c["name"] for c in look["columns"] if c["role"] == "target"] == expected
    assert look["inputs"] == 3


def test_what_takes_trust_away_is_told(tmp_path) -> None:
    draw = np.random.default_rng(0)
    lines = ["id,x,outcome,sensor,kind"]
    for row in range(100):
        kind = int(draw.uniform() < 0.5)
        sensor = -200 if row % 9 == 0 else round(draw.gamma(2), 1)
        lines.append(f"{row},{draw.normal():.3f},{7 * kind + 1},{sensor},{'ab'[kind]}")
    path = tmp_path / "trial.csv"
    path.write_text("\n".join(lines) + "\n")
    look = json.loads(shrinkage("data", path, "--target", "kind", "--json").out)
    told = {(caution["kind"], caution["column"]) for caution in look["cautions"]}
    assert told == {
        ("target_in_column", "outcome"),
        ("identifier", "id"),
        ("sentinel", "sensor"),
    }
    shown = shrinkage("data", path, "--target", "kind").out
    assert shown.count("warning:") == 3
    assert 'missing = ["-200"]' in shown
    without = json.loads(shrinkage("data", path, "--json").out)
    assert {caution["kind"] for caution in without["cautions"]} == {"identifier", "sentinel"}


def test_weights_that_a_path_refuses_are_refused(tmp_path) -> None:
    path = tmp_path / "weighted.csv"
    path.write_text(
        "x,w,y\n" + "".join(f"{row * 7 % 11},{row - 1},{row % 2}\n" for row in range(30))
    )
    written = tmp_path / "columns.toml"
    answer = shrinkage("data", path, "--target", "y", "--sample-weight", "w", "--write", written)
    assert answer.status == 0
    assert "refused: sample weights 'w', data row 1 (line 2)" in answer.out
    assert "w" not in read_specs(written)


def test_counts_are_in_their_number(tmp_path) -> None:
    path = tmp_path / "small.jsonl"
    path.write_text('{"x": 1, "l": [1]}\n{"x": 2, "l": [1]}\n')
    assert shrinkage("data", path).out.startswith("small.jsonl: 2 rows, 2 columns, 1 input\n")
