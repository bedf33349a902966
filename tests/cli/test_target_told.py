"""How the numbers of a target are read is told before anything is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.command_line import QUICK, shrinkage


@pytest.mark.parametrize("command", ["path", "select"])
def test_how_the_numbers_of_a_target_are_read_is_told(tmp_path: Path, command: str) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    rows = [f'{a:.3f},{b:.3f},"${9000 + 3000 * a:,.0f}"' for a, b in x]
    file = tmp_path / "prices.csv"
    file.write_text("\n".join(["a,b,price", *rows]))
    short = QUICK if command == "path" else ("--pairs", "2")
    answer = shrinkage(command, file, "--target", "price", *short, "--out", tmp_path / "run")
    assert answer.status == 0, answer.err
    for said in ("price: commas between thousands", "price: numbers in $", "a regression"):
        assert said in answer.err
