"""Numbers that a person gave: what passes, what is refused, and what the error says."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shrinkage.checks import fraction, is_number, number, one_of, positive, whole
from shrinkage.errors import InputError

NO_NUMBERS: list[Any] = [True, np.True_, "1", None, 1j, [1.0], np.ones(1), Decimal(1), math.nan]


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("check", [number, positive, fraction, whole])
def test_what_is_no_number_is_refused_by_every_check(check, value) -> None:
    with pytest.raises(InputError, match=r"^expected rate as a .*number.*, got .*: .+"):
        check(value, "rate")


@pytest.mark.parametrize("value", [1, 1.0, np.float32(1), np.int64(1), Fraction(1)])
def test_numbers_of_every_kind_come_back_as_pythons(value) -> None:
    assert is_number(value)
    assert type(number(value, "rate")) is float
    assert type(whole(value, "count")) is int
    assert number(value, "rate") == whole(value, "count") == 1


@pytest.mark.parametrize(
    ("ends", "inside", "outside", "words"),
    [
        ({}, [0, 1e308], [-1e-300, math.inf], "a finite number of at least 0"),
        ({"above": 0}, [1e-300], [0, -1, math.inf], "a finite number above 0"),
        ({"below": 1}, [0, 0.999], [1, -0.1], "a number of at least 0 and below 1"),
        ({"above": 0, "below": 1}, [0.5], [0, 1], "a number above 0 and below 1"),
        ({"most": 1}, [0, 1], [-0.1, 1.1], "a number from 0 to 1"),
        ({"above": 0, "most": 1}, [1], [0, 1.1], "a number above 0 and at most 1"),
        ({"most": math.inf}, [0, math.inf], [-1], "a number of at least 0"),
    ],
)
def test_ends_of_a_range(ends, inside, outside, words) -> None:
    assert [number(value, "rate", **ends) for value in inside] == inside
    for value in outside:
        with pytest.raises(InputError, match=f"^expected rate as {words}.*, got .*: use 0.5$"):
            number(value, "rate", hint="use 0.5", **ends)


def test_whole_numbers() -> None:
    assert whole(0, "seed", least=0) == 0
    for value in (0, 1.5, -3, math.inf):
        with pytest.raises(InputError, match=r"a whole number of at least 1, got .*: use 5$"):
            whole(value, "folds", hint="use 5")
    with pytest.raises(InputError, match="of at least 2, got 1"):
        whole(1, "folds", least=2)


def test_whole_numbers_have_a_largest_one_where_it_is_said() -> None:
    assert whole(7, "seed", 0, most=7) == 7
    with pytest.raises(InputError, match="of at least 0 and at most 7, got 8: "):
        whole(8, "seed", 0, most=7)


def test_names_out_of_a_few() -> None:
    assert one_of("auto", "engine", ("auto", "stacked")) == "auto"
    for value, hint in (("stack", "did you mean stacked?"), ("x", "choose one"), (None, "choose")):
        expected = f"unknown engine {value!r}: expected one of auto, stacked; {hint}"
        with pytest.raises(InputError) as refused:
            one_of(value, "engine", ("auto", "stacked"))
        assert str(refused.value).startswith(expected)
