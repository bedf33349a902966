"""What `shrinkage select` tells of columns that its halves could not draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.cli.command_line import shrinkage, write_table

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4))
TABLE: dict[str, object] = {name: X[:, place] for place, name in enumerate("abcd")}
TABLE["y"] = X @ [1, 2, 0, -1] + RANDOM.normal(size=200)


def test_how_many_columns_can_be_selected_is_said_where_it_holds_others_back(
    tmp_path: Path,
) -> None:
    file = write_table(tmp_path / "four.csv", TABLE)
    few = shrinkage("select", file, "--target", "y", "--pairs", 3, "--out", tmp_path / "few")
    assert few.status == 0, few.err
    assert "No more than 1 column can be selected here" in few.out
    told = {line.split()[0] for line in few.out.splitlines() if "yes" in line}
    assert {"a", "b", "d"} <= told  # the universal threshold keeps them, though no half drew them
    more = shrinkage(
        "select", file, "--target", "y", "--pairs", 3, "--false", 8, "--out", tmp_path / "more"
    )
    assert more.status == 0, more.err
    assert "No more than" not in more.out


def test_the_score_of_the_best_columns_is_called_by_its_name(tmp_path: Path) -> None:
    file = write_table(tmp_path / "four.csv", TABLE)
    answer = shrinkage(
        "select", file, "--target", "y", "--best", 2, "--epochs", 2, "--out", tmp_path / "run"
    )
    assert answer.status == 0, answer.err
    assert "networks of so many have R² " in answer.out


def test_a_loss_without_a_universal_threshold_is_told(tmp_path: Path) -> None:
    file = write_table(tmp_path / "four.csv", TABLE)
    asked = ("select", file, "--target", "y", "--pairs", 2, "--strengths", 4)
    usual = shrinkage(*asked, "--out", tmp_path / "squares")
    assert "No universal threshold" not in usual.out
    answer = shrinkage(*asked, "--loss", "quantile:0.9", "--epochs", 3, "--out", tmp_path / "run")
    assert answer.status == 0, answer.err
    assert answer.out.count("No universal threshold") == 1
