"""Tables as people have them in one ONNX file: its example answers raw rows as `predict` does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from shrinkage import GroupLasso, fit_path
from shrinkage.datasets import Preprocessing, TargetEncoding
from shrinkage.errors import InputError
from shrinkage.paths.results import onnx_file
from shrinkage.paths.results.onnx_dates import month_of
from tests.cli.command_line import shrinkage

pytest.importorskip("onnxscript")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

FAST = {"strengths": (0.001, 0.01), "folds": 2, "epochs": 3}
DRAW = np.random.default_rng(0)
ROWS = 120


def passengers() -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table like that of the Titanic; one column is called as a graph calls its parts."""
    sex = DRAW.choice(["male", "female"], ROWS)
    table = pd.DataFrame(
        {
            "age": np.where(DRAW.random(ROWS) < 0.2, np.nan, DRAW.normal(30, 10, ROWS)),
            "sex": sex,
            "input": with_holes(DRAW.choice(["S", "C", "Q"], ROWS), 0.2),
            "fare": DRAW.lognormal(3, 1, ROWS).round(2),
            "alone": DRAW.random(ROWS) < 0.4,
            "model/softmax": DRAW.choice(["yes", "no"], ROWS),
            "cabin": [f"C{own}" for own in DRAW.integers(0, 60, ROWS)],
        }
    )
    lives = (sex == "female") ^ (DRAW.random(ROWS) < 0.2)
    return table, np.where(lives, "lives", "dies")


def with_holes(values: np.ndarray, share: float) -> pd.Series:
    """Return a column of which a share is missing."""
    return pd.Series(values).where(DRAW.random(len(values)) > share)


def strange(table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with cells that training had not, each in rows of its own."""
    rows = table.astype(object).copy()
    for place, name in enumerate(rows.columns):
        rows.iloc[2 * place, place] = None
        if isinstance(table[name].iloc[-1], str):
            rows.iloc[2 * place + 1, place] = "never met"
    return rows


def asked(file, table: pd.DataFrame) -> np.ndarray:
    """Return the answers that the example of a file gets."""
    said = {"table": table, "json": json, "onnxruntime": onnxruntime}
    exec(file.example, said)
    return said["answers"]


def test_passengers_and_classes_that_are_words(tmp_path: Path) -> None:
    table, y = passengers()
    path = fit_path("mlp:4", table, y, **FAST)
    file = path.to_onnx(tmp_path / "p.onnx")
    assert file.difference <= 1e-5
    rows = strange(table)
    rows.loc[20:30, "sex"] = " MALE"
    np.testing.assert_allclose(asked(file, rows), path.predict_proba(rows), atol=1e-6)
    assert file.classes == ("dies", "lives")
    session = onnxruntime.InferenceSession(file.path)
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["classes"]) == ["dies", "lives"]
    assert json.loads(told["columns"])["input_"] == ["age", "fare"]
    assert json.loads(told["kinds"])["cabin"] == "text"
    shapes = {own.name: (own.type, own.shape[1]) for own in session.get_inputs()}
    assert shapes["input_"] == ("tensor(double)", 2)
    assert shapes["input"] == ("tensor(string)", 1)


def test_a_regression_with_dates_orders_means_of_levels_and_numbers_for_missing(
    tmp_path: Path,
) -> None:
    sold = np.datetime64("1602-11-03", "us") + DRAW.integers(0, 900 * 86_400 * 10**6, ROWS)
    size, city = DRAW.choice(["S", "M", "L"], ROWS), DRAW.choice(["Bern", "Basel", "Chur"], ROWS)
    table = pd.DataFrame(
        {
            "sold": with_holes(sold, 0.1),
            "size": with_holes(size, 0.1),
            "city": city,
            "seen": with_holes(sold[:1].repeat(ROWS), 0.3),
            "given": np.where(DRAW.random(ROWS) < 0.3, np.nan, 7.0),
            "height": np.where(DRAW.random(ROWS) < 0.2, -999.0, DRAW.normal(170, 9, ROWS)),
        }
    )
    said = {
        "size": {"order": ["S", "M", "L"]},
        "city": {"encode": "target"},
        "height": {"missing": ["-999"]},
    }
    y = 1000 + 50 * (size == "L") + 20 * (city == "Bern") + DRAW.normal(size=ROWS)
    path = fit_path("mlp:4", table, y, columns=said, **FAST)
    file = path.to_onnx(tmp_path / "r.onnx")
    rows = table.copy()
    rows.loc[:9, "size"], rows.loc[5:20, "city"] = "XXL", "never met"
    rows.loc[30:33, "city"] = None
    np.testing.assert_allclose(asked(file, rows)[:, 0], path.predict(rows), rtol=1e-6)
    dates, numbers, texts = ("sold", "seen"), ("given", "height"), ("size", "city")
    kinds = {"date": dates, "number": numbers, "text": texts}
    assert file.kinds == {name: kind for kind, names in kinds.items() for name in names}
    assert file.classes == ()


def test_text_alone(tmp_path: Path) -> None:
    table, _ = passengers()
    table = table.drop(columns=[name for name in table if name not in ("sex", "input")])
    path = fit_path("linear", table, DRAW.choice(["a", "b", "c"], ROWS), **FAST)
    file = path.to_onnx(tmp_path / "t.onnx")
    assert list(file.columns) == ["sex", "input"]
    rows = strange(table)
    np.testing.assert_allclose(asked(file, rows), path.predict_proba(rows), atol=1e-6)


def test_spellings_of_ones_own_rows_are_learned(tmp_path: Path) -> None:
    table, y = passengers()
    path = fit_path("linear", table, y, **FAST)
    rows = table.assign(sex="  mAlE ")
    expected = path.predict_proba(rows)
    blind = path.to_onnx(tmp_path / "b.onnx")
    assert np.abs(asked(blind, rows) - expected).max() > 1e-3
    usual = table.assign(sex=" male ")
    np.testing.assert_allclose(asked(blind, usual), path.predict_proba(usual), atol=1e-6)
    learned = path.to_onnx(tmp_path / "l.onnx", rows=rows)
    np.testing.assert_allclose(asked(learned, rows), expected, atol=1e-6)


def test_what_cannot_be_written_is_named_and_wrong_files_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, y = passengers()
    path = fit_path("linear", table, y, columns={"cabin": {"encode": "hash"}}, **FAST)
    with pytest.raises(InputError, match=r"\('cabin'\)"):
        path.to_onnx(tmp_path / "h.onnx")
    path = fit_path("linear", table, y, **FAST)
    right = onnx_file.OnnxCells.of

    def wrong(*arguments):
        cells = right(*arguments)
        sex = cells.texts[0]
        codes = sex.codes | {"male": sex.codes["female"]}
        return replace(cells, texts=(replace(sex, codes=codes), *cells.texts[1:]))

    monkeypatch.setattr(onnx_file.OnnxCells, "of", wrong)
    with pytest.raises(InputError, match="nothing was written"):
        path.to_onnx(tmp_path / "w.onnx")
    assert list(tmp_path.iterdir()) == []


def test_text_that_a_smaller_model_does_not_read_is_not_asked_for(tmp_path: Path) -> None:
    table, y = passengers()
    hashed = {"cabin": {"encode": "hash"}}
    model = fit_path("linear", table, y, columns=hashed, **FAST).model_file
    assert model is not None
    preparation = Preprocessing.from_dict(model.preprocessing)
    target = TargetEncoding.from_dict(model.target)
    kept = [preparation.input_names.index(name) for name in ("fare", "sex=male")]
    smaller = torch.nn.Linear(2, 2)
    file = onnx_file.write_onnx(smaller, preparation, target, tmp_path / "s.onnx", kept, read=kept)
    assert file.columns == {"input": ("fare",), "sex": ("sex",)}
    both = [0, 1]
    file = onnx_file.write_onnx(smaller, preparation, target, tmp_path / "n.onnx", both, read=both)
    assert file.columns == {"input": ("age", "fare")}
    inputs = torch.from_numpy(preparation.transform(table)[:, :2])
    expected = torch.softmax(smaller(inputs), dim=1).detach().numpy()
    np.testing.assert_allclose(asked(file, table), expected, atol=1e-6)


def test_a_column_that_never_varies_is_not_asked_for(tmp_path: Path) -> None:
    numbers = DRAW.normal(size=(ROWS, 2))
    table = pd.DataFrame({"a": numbers[:, 0], "town": "Bern", "b": numbers[:, 1], "c": 1.0})
    path = fit_path("linear", table, numbers[:, 0] > 0, **FAST)
    file = path.to_onnx(tmp_path / "n.onnx", rows=table)
    assert file.columns == {"input": ("a", "b")}
    np.testing.assert_allclose(asked(file, table), path.predict_proba(table), atol=1e-6)


def test_months_are_those_of_the_calendar() -> None:
    days = np.arange(np.datetime64("1599-12-25"), np.datetime64("2105-03-02"))
    months = days.astype("datetime64[M]").astype(int) % 12
    number = torch.tensor(days.astype(int), dtype=torch.float64)
    np.testing.assert_array_equal(month_of(number).numpy(), months)


def test_the_command_tells_what_a_file_takes(tmp_path: Path) -> None:
    table, y = passengers()
    table.insert(0, "noise", DRAW.choice(["u", "v"], ROWS))
    run, data = tmp_path / "run", tmp_path / "p.csv"
    table.assign(y=y).to_csv(data, index=False)
    path = fit_path("mlp:4", table, y, penalty=GroupLasso(), store=run, **FAST)
    answer = shrinkage("export", run, tmp_path / "p.onnx", "--check", data)
    assert answer.status == 0, answer
    assert "takes 2 columns as float64 (age, fare), 6 columns as text (noise, sex" in answer.out
    assert "probabilities of 2 classes (dies, lives)" in answer.out
    said = {"table": table, "json": json, "onnxruntime": onnxruntime}
    exec(answer.out.partition("\n\n")[2], said)
    np.testing.assert_allclose(said["answers"], path.predict_proba(table), atol=1e-6)
