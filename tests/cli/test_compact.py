"""`shrinkage compact RUN`: a smaller model that is used like the run it came from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
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


def table_columns(file: Path) -> pd.DataFrame:
    """Return the columns of a table but the target."""
    return pd.read_csv(file).drop(columns="y")


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


@pytest.mark.parametrize("stored_as", ["float16", "bfloat16"])
def test_a_file_in_half_precision_is_half_and_says_what_it_costs(
    run: Path, stored_as: str, tmp_path: Path
) -> None:
    table, which = run.parent / "t.csv", ("--model", "one_standard_error")
    folder = tmp_path / "half"
    for options in (("--stored-as", stored_as, "--out", folder), ("--out", tmp_path / "full")):
        answer = shrinkage("compact", run, table, *which, *options)
        assert answer.status == 0, answer.err
        assert (f"rounded to {stored_as}" in answer.out) is ("--stored-as" in options)
    sizes = [(tmp_path / own / "model.safetensors").stat().st_size for own in ("half", "full")]
    assert sizes[0] < sizes[1]
    proof = json.loads((folder / "proof.json").read_text())
    assert max(proof["difference_real"], proof["difference_random"]) <= 1e-5
    half, full = (load_result(tmp_path / own) for own in ("half", "full"))
    role = "one_standard_error"
    assert {own.dtype.name for own in half.weights[role].values()} == {"float32"}
    outputs = [own.decision(table_columns(table), role) for own in (half, full)]
    apart = np.abs(outputs[0] - outputs[1]).max() / np.abs(outputs[1]).max()
    assert 0 < apart == pytest.approx(proof["rounding"]["difference_real"], rel=1e-4)
    changed = (outputs[0].argmax(1) != outputs[1].argmax(1)).mean()
    assert proof["rounding"]["changed"] == changed
    assert shrinkage("predict", folder, table, *which).status == 0
    assert shrinkage("report", folder, "-q").status == 0


def test_what_cannot_be_made_smaller_is_refused_in_one_line(run: Path) -> None:
    folder = run.parent
    refused(folder, ("compact", folder / "nothing"), "finished `shrinkage path` run")
    refused(folder, ("compact", run, "--model", "worst"), "no refitted model 'worst'")
    refused(folder, ("compact", run, "--out", folder), "expected a new or empty folder")
    refused(folder, ("compact", run, "--stored-as", "float8"), "expected one of float16, bfloat16")
    smaller = folder / "again"
    assert shrinkage("compact", run, "--out", smaller, "-q").status == 0
    refused(folder, ("compact", smaller), "smaller already")


def test_a_model_in_float64_computes_in_it_whatever_its_file_holds(tmp_path: Path) -> None:
    columns = table(90, 2)
    columns["y"] = columns["c0"]
    data = write_table(tmp_path / "t.csv", columns)
    grid = ("--strengths", "0.01,0.02", "--folds", "2", "--model", "linear", "-q")
    assert shrinkage("path", data, "--target", "y", *grid, "--out", tmp_path / "run").status == 0
    whole = load_result(tmp_path / "run")
    assert whole.model_file is not None
    assert whole.model_file.dtype == "float64"
    answer = shrinkage("compact", tmp_path / "run", data, "--stored-as", "float16")
    assert answer.status == 0, answer.err
    assert "of another class" not in answer.out
    half = load_result(tmp_path / "run" / "compact")
    rows = table_columns(data)
    assert {own.dtype.name for own in half.weights["best"].values()} == {"float64"}
    np.testing.assert_allclose(half.predict(rows), whole.predict(rows), rtol=0.01, atol=0.01)
