"""Numbers of which some have a unit are refused with what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable

from shrinkage.datasets.columns import judge_column


def test_numbers_with_and_without_a_unit_are_not_called_decimal_marks(refused: Callable) -> None:
    cells = [*map(str, range(40)), *(f"{number}kg" for number in range(9))]
    with refused("'c'", "units or none", "the unit in every cell"):
        judge_column("c", cells)
