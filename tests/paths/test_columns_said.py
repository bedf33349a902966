"""What a person says about columns reaches inputs, penalty, look, and the resumed run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shrinkage import GroupLasso, fit_path
from shrinkage.datasets import ColumnSpec
from shrinkage.datasets.column_specs import specs_of
from shrinkage.datasets.formats.tables import FrameTable
from shrinkage.datasets.roles import Roles
from shrinkage.datasets.table_look import look_at_table
from shrinkage.errors import InputError, RunDirectoryError
from shrinkage.reports.told_columns import column_sentences
from shrinkage.run import PathRun

RARE = ColumnSpec(rare=6)
FAST = {"strengths": (0.01, 0.1), "folds": 2, "progress": False, "penalty": GroupLasso("input")}
SAID = {
    "size": {"kind": "ordinal", "order": ["S", "M", "L"], "group": "body"},
    "height": ColumnSpec(group="body"),
    "user": {"encode": "target"},
    "age": {"free": True},
}


def table(rows: int = 80) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"age": draw.normal(size=rows), "height": draw.normal(size=rows)})
    frame["size"] = draw.choice(["S", "M", "L"], rows)
    frame["user"] = [f"user {n}" for n in draw.integers(0, 60, rows)]
    frame["y"] = frame["age"] + (frame["size"] == "L")
    return frame


def test_said_in_python_it_reaches_inputs_and_penalty(tmp_path, monkeypatch):
    frame = table()
    X, y = frame.drop(columns="y"), frame["y"]
    with pytest.raises(InputError, match="'user'"):
        fit_path("linear", X, y, **FAST)
    monkeypatch.setattr(PathRun, "report", lambda *_: None)
    result = fit_path("linear", X, y, columns=SAID, store=tmp_path / "run", **FAST)
    assert result.input_names == ("age", "height", "size", "user (target)")
    assert result.summary["free"] == ["age"]
    (row,) = (row for row in result.assignment if row.parameter == "0.weight")
    assert "inputs in 2 groups, 1 of 4 inputs free" in row.reason
    again = fit_path("linear", X, y, columns=SAID, store=tmp_path / "run", resume=True, **FAST)
    assert again.summary["wall_seconds"] == result.summary["wall_seconds"]
    other = {**SAID, "user": {"encode": "hash"}}
    with pytest.raises(RunDirectoryError):
        fit_path("linear", X, y, columns=other, store=tmp_path / "run", resume=True, **FAST)


def test_a_look_counts_the_inputs_and_keeps_what_was_said():
    for target in ("y", None):
        look = look_at_table("t", FrameTable(table()), Roles(target=target, specs=specs_of(SAID)))
        made = {record["name"]: record["inputs"] for record in look.records}
        assert (made["size"], made["user"]) == (1, 1)
        assert look.specs()["user"].encode == "target"
        (user,) = (record for record in look.records if record["name"] == "user")
        assert user["encode"] == "target"
        assert len(column_sentences(user)) == 1
        assert look.specs()["size"].group == "body"


def test_rare_levels_and_indicators_are_told():
    frame = table(400)
    frame.loc[:40, "height"] = np.nan
    look = look_at_table("t", FrameTable(frame), Roles(target="y", specs={"user": RARE}))
    records = {record["name"]: record for record in look.records}
    assert records["user"]["rare"] > 0
    assert records["height"]["indicator"] is True
    assert [len(column_sentences(records[name])) for name in ("user", "height", "age")] == [1, 1, 0]


@pytest.mark.parametrize("wrong", [3, {"age": 3}, {"age": {"encod": "hash"}}, {"agee": {}}])
def test_what_means_nothing_is_refused(wrong):
    frame = table()
    with pytest.raises(InputError, match=r"expected|agee"):
        fit_path("linear", frame.drop(columns="y"), frame["y"], columns=wrong, **FAST)
