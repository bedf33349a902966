"""`shrinkage path --second`, `--vary`: a surface by the command line, and what is refused."""

from __future__ import annotations

import csv
import json

import pytest

from tests.cli.command_line import refused, shrinkage, small_columns, write_table

QUICK = ("--folds", "2", "--epochs", "1", "--model", "mlp:4", "--target", "y")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An own folder to work in, with one sound table."""
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "t.csv", small_columns())
    return tmp_path


def rows_of(folder) -> list[dict[str, str]]:
    with (folder / "path.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_second_penalty_and_counts_make_a_surface(here):
    run = ("path", "t.csv", *QUICK, "--second", "l2", "--strengths", "3,2", "--out", "run")
    answer = shrinkage(*run)
    assert answer.status == 0, answer.err
    assert "strength of l1 down, strength of l2 across" in answer.out
    assert "Best at l1 " in answer.out
    rows = rows_of(here / "run")
    assert len(rows) == 6
    assert len({row["strength_l1"] for row in rows}) == 3
    summary = json.loads((here / "run" / "summary.json").read_text())
    assert summary["penalty"] == "L1() × L2()"
    assert set(summary["best"]["setting"]) == {"l1", "l2"}
    assert (here / "run" / "figures" / "surface.png").exists()
    again = shrinkage(*run, "--resume")
    assert again.status == 0
    assert shrinkage("predict", "run", "t.csv", "--out", "p.csv").status == 0


def test_lists_of_strengths_and_a_number_of_the_recipe(here):
    answer = shrinkage(
        *("path", "t.csv", *QUICK, "--second", "group-lasso(per=input)", "--quiet"),
        *("--strengths", "1e-3,1e-2", "--strengths", "2", "--vary", "dropout=0,0.5"),
        *("--simplest", "inputs", "--out", "run"),
    )
    assert answer.status == 0, answer.err
    rows = rows_of(here / "run")
    assert len(rows) == 8
    assert {row["strength_l1"] for row in rows} == {"0.001", "0.01"}
    assert {row["dropout"] for row in rows} == {"0.0", "0.5"}


def test_one_strength_is_a_path_and_an_axis(here):
    """A whole number alone is a count, another number the strength itself."""
    run = ("path", "t.csv", *QUICK, "--strengths", "1e-3", "--quiet")
    answer = shrinkage(*run, "--out", "run")
    assert answer.status == 0, answer.err
    assert [row["strength"] for row in rows_of(here / "run")] == ["0.001"]
    assert "of the grid" not in answer.out + answer.err
    assert shrinkage(*run, "--vary", "dropout=0,0.5", "--out", "two").status == 0
    assert [row["dropout"] for row in rows_of(here / "two")] == ["0.0", "0.5"]


@pytest.mark.usefixtures("here")
def test_what_factors_of_the_widths_make_is_told_before_training():
    answer = shrinkage("path", "t.csv", *QUICK, "--strengths", "2", "--vary", "width=0.5,16")
    assert answer.status == 0, answer.err
    assert "width times the hidden widths: 0.5 makes mlp:2, 16 makes mlp:64" in answer.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--second", "l2", "--strengths", "12"), ("each of the 2 penalties", "--strengths 12,8")),
        (("--second", "l2", "--strengths", "3,2,2"), ("each of the 2 penalties", "'3,2,2'")),
        (("--second", "l2", "--strengths", "a,2"), ("whole numbers", "'a,2'")),
        (("--second", "1e-3*l2"), ("without a strength", "--with")),
        (("--second", "l9"), ("l9",)),
        (("--vary", "dropout"), ("NAME=VALUES", "dropout=0,0.2,0.5")),
        (("--vary", "dropuot=0,1"), ("dropuot", "did you mean dropout")),
        (("--vary", "dropout=0,x"), ("numbers on the axis dropout", "'x'")),
        (("--second", "l2", "--second", "l2", "--vary", "width=1,2"), ("three axes", "--search")),
        (("--second", "l2", "--fast"), ("--fast belongs to a path",)),
        (("--second", "l2", "--goal", "smallest"), ("--goal belongs to a path",)),
        (("--simplest", "inputs"), ("--second or --vary",)),
    ],
)
def test_bad_axes_are_refused_in_one_line(here, options, words):
    refused(here, ("path", "t.csv", *QUICK, *options, "--out", "run"), *words)


def test_a_search_says_its_best_and_an_honest_score(here):
    answer = shrinkage(
        *("path", "t.csv", *QUICK, "--penalty", "l2", "--search", "6", "--outer", "2"),
        *("--vary", "dropout=0,0.5", "--vary", "learning_rate=1e-3..1e-1", "--out", "run"),
    )
    assert answer.status == 0, answer.err
    assert "Honest score of the search, repeated without each of 2 outer folds" in " ".join(
        answer.out.split()
    )
    assert len(rows_of(here / "run")) == 6
    summary = json.loads((here / "run" / "summary.json").read_text())
    assert summary["search"]["space"]["learning_rate"] == {"low": 1e-3, "high": 0.1}
    assert (here / "run" / "figures" / "search.png").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--search", "1"), ("trials",)),
        (("--outer", "3"), ("--search beside --outer 3",)),
        (("--search", "6", "--strengths", "3"), ("without --strengths",)),
        (("--search", "6", "--vary", "dropout=a..b"), ("numbers around the dots",)),
        (("--search", "6", "--refit", "all"), ("--refit chosen",)),
        (("--search", "6", "--model", "linear"), ("is solved",)),
    ],
)
def test_bad_searches_are_refused_in_one_line(here, options, words):
    refused(here, ("path", "t.csv", *QUICK, *options, "--out", "run"), *words)
