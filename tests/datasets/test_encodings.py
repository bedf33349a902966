"""Files of text in several encodings at once."""

from __future__ import annotations

import pandas as pd

from shrinkage.datasets import ReadOptions, load_dataset


def test_lines_of_two_encodings_are_read_each_in_its_own(tmp_path):
    lines = ["a;b", *("Köln;1", "Düsseldorf;2", "Straße;3", "Köln;4") * 5]
    path = tmp_path / "joined.csv"
    path.write_bytes(
        b"".join(
            f"{line}\n".encode("cp1252" if place in (3, 8) else "utf-8")
            for place, line in enumerate(lines)
        )
    )
    data = load_dataset(path, target="b", task="regression")
    assert set(pd.DataFrame(data.X)["a"].astype(str)) == {"Köln", "Düsseldorf", "Straße"}
    assert any("2 lines are no UTF-8 (the first is line 4)" in note for note in data.notes)
    said = ReadOptions(encoding="cp1252")
    alone = load_dataset(path, target="b", task="regression", read_options=said)
    assert "KÃ¶ln" in set(pd.DataFrame(alone.X)["a"].astype(str))
