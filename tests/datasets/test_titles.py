"""Titles above the names of columns: one over all, several over some of them, units below."""

from __future__ import annotations

import pytest

from shrinkage.datasets import load_dataset

ROWS = "1.5,2.5,Bern,1\n2.5,3.5,Basel,0\n3.5,1.5,Bern,1\n"
NAMES = "x,z,city,y\n"


@pytest.mark.parametrize("units", ["", "m/s,s,,kg\n"], ids=["no units", "units"])
@pytest.mark.parametrize("title", ["", "Lab 3,,,\n"], ids=["no title", "a title"])
def test_the_names_are_those_of_all_columns(write_csv, title, units):
    data = load_dataset(write_csv(title + "speed,,place,\n" + NAMES + units + ROWS), target="y")
    assert data.input_names == ("x", "z", "city")
    assert data.y.tolist() == [1, 0, 1]
    said = " ".join(data.notes)
    assert "two rows of names: those of the second are taken (x, z, city, y)" in said
    assert ("1 line above the header left out, the first being 'Lab 3'" in said) == bool(title)
    assert ("the row below the header left out" in said) == bool(units)
