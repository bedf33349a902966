"""Titles above the names of columns: one over all, several over some of them, units below."""

from __future__ import annotations

import pandas as pd
import pytest

from shrinkage.datasets import load_dataset, read_rows

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
    again = read_again(write_csv(title + "speed,,place,\n" + NAMES + units + ROWS), data)
    assert again.columns.tolist() == ["x", "z", "city", "y"]
    assert again["x"].tolist() == ["1.5", "2.5", "3.5"]


def read_again(path, data):
    """Return the rows of a file that is read as the one was that a data set is of."""
    return pd.DataFrame(read_rows(path, read_options=data.read_options.inherit("y")))


@pytest.mark.parametrize("above", ["speed,,place,\n", "speed,speed,place,goal\n", "a,,,\n"])
@pytest.mark.parametrize("first", ["city", "x"])
def test_another_file_with_such_titles_is_read_alike(write_csv, above, first):
    names, rows = NAMES, ROWS
    if first == "city":  # no number in the first column, so that no name stands above numbers
        names, rows = "city,z,x,y\n", "Bern,2.5,1.5,1\nBasel,3.5,2.5,0\nBern,1.5,3.5,1\n"
    data = load_dataset(write_csv(names + rows), target="y")
    assert read_again(write_csv(above + names + rows), data)["x"].tolist() == ["1.5", "2.5", "3.5"]


@pytest.mark.parametrize("units", ["m/s,kg,-,-", "m/s,-,,kg", "-, - ,-,kg"])
@pytest.mark.parametrize("title", ["", "speed,,place,\n"], ids=["no title", "titles"])
def test_a_dash_among_units_is_none(write_csv, units, title):
    rows = "1.5,2.5,Bern,1.5\n2.5,3.5,Basel,0.5\n3.5,1.5,Bern,2.5\n"
    path = write_csv(title + NAMES + units + "\n" + rows)
    data = load_dataset(path, target="y")
    assert data.y.tolist() == [1.5, 0.5, 2.5]
    assert "the row below the header left out" in " ".join(data.notes)
    assert read_again(path, data)["z"].tolist() == ["2.5", "3.5", "1.5"]


def test_a_row_of_dashes_and_a_dash_that_stands_for_missing_numbers_are_no_units(write_csv):
    for first, last in (("-,-,Basel,1.5", "3.5,1.5,Bern,2.5"), ("?,-,Basel,1.5", "3,-,Bern,2")):
        rows = f"{first}\n1.5,2.5,Bern,1.5\n2.5,3.5,Basel,0.5\n4.5,0.5,Basel,3.5\n{last}\n"
        assert len(load_dataset(write_csv(NAMES + rows), target="y").y) == 5
    rows = "1,2,3.5\n2, - ,0.5\n3,5,2.5\n4,6,1.5\n"
    data = read_rows(write_csv("x,z,y\nerror,-,-\n" + rows))
    assert len(data["x"]) == 5
