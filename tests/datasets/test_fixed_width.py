"""Files of fixed width are refused with what reads them."""

from __future__ import annotations

from shrinkage.datasets import load_dataset


def test_cells_of_two_words_below_a_header(write_csv, refused):
    rows = [(31, "New York", 1.5), (44, "Oslo", 2.5), (52, "New York", 3.5), (28, "New York", 4.5)]
    lines = [f"{age:>4}{3.5 * age:>7}  {city:<10}{y:>6}" for age, city, y in rows * 10]
    text = "\n".join([f"{'age':>4}{'cm':>7}  {'city':<10}{'y':>6}", *lines])
    with refused("'t.txt'", "got 4 names", "fixed width", "read_fwf"):
        load_dataset(write_csv(text, "t.txt"), target="y")
