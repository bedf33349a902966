"""`shrinkage compact RUN`: a smaller model that is used like the run it came from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from shrinkage.run import load_result
from tests.cli.command_line import refused, shrinkage, write_table


def table(rows: int, seed: int) -> dict[str, object]:
    """Return a table in which two of six columns tell the class."""
    random = np.random.default_rng(seed)
    columns: dict[str, object] = {f"c{i}": random.normal(size=rows).round(4) for i in range(5)}
    columns["city"] = random.choice(["Bern", "Basel", "Genf"], rows)
    columns["y"] = np.where(columns["c0"] + columns["c1"] > 0, "yes", "no")  # type: ignore[operator]
    return columns


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run in whose model few inputs and units are left."""
    folder = tmp_path_factory.mktemp("compact")
    data = write_table(folder / "t.csv", table(120, 0))
    grid = ("--strengths", "0.013,0.016", "--folds", "2", "--epochs", "200")
    model = ("--model", "mlp:8,4", "--penalty", "group-lasso", "--per", "input")
    answer = shrinkage("path", data, "--target", "y", *grid, *model, "--out", folder / "run", "-q")
    assert answer.status == 0, answer.err
    return folder / "run"


def test_the_smaller_model_predicts_the_same_from_the_columns_it_reads(run: Path) -> None:
    answer = shrinkage("compact", run, run.parent / "t.csv", "--model", "one_standard_error")
    assert answer.status == 0, answer.err
    for word in ("parameters", "multiply-adds a row", "largest difference", "run/compact"):
        assert word in answer.out
    proof = json.loads((run / "compact" / "proof.json").read_text())
    assert max(proof["difference_real"], proof["difference_random"]) <= 1e-5
    assert proof["after"]["file_bytes"] < proof["before"]["file_bytes"]
    assert len(proof["columns"]) < 6
    new = table(12, 1)
    few = write_table(run.parent / "few.csv", {name: new[name] for name in proof["columns"]})
    full = write_table(run.parent / "full.csv", new)
    which = ("--model", "one_standard_error", "--probabilities")
    smaller = shrinkage("predict", run / "compact", few, *which)
    whole = shrinkage("predict", run, full, *which)
    assert smaller.status == 0, smaller.err
    assert smaller.err == ""
    rows = [line.split(",") for answer in (smaller, whole) for line in answer.out.splitlines()[1:]]
    assert [row[0] for row in rows[:12]] == [row[0] for row in rows[12:]]
    shares = np.array([[float(cell) for cell in row[1:]] for row in rows])
    np.testing.assert_allclose(shares[:12], shares[12:], atol=1e-6)
    assert shrinkage("report", run / "compact", "-q").status == 0
    first = load_result(run / "compact").model("one_standard_error")[0]  # type: ignore[index]
    assert first.in_features == len(proof["inputs"])


def test_what_cannot_be_made_smaller_is_refused_in_one_line(run: Path) -> None:
    folder = run.parent
    refused(folder, ("compact", folder / "nothing"), "finished `shrinkage path` run")
    refused(folder, ("compact", run, "--model", "worst"), "no refitted model 'worst'")
    refused(folder, ("compact", run, "--out", folder), "expected a new or empty folder")
    smaller = folder / "again"
    assert shrinkage("compact", run, "--out", smaller, "-q").status == 0
    refused(folder, ("compact", smaller), "smaller already")
