"""A model and its preparation in one ONNX file answer as they do here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shrinkage import GroupLasso, fit_path
from shrinkage.estimators import ShrinkageClassifier, ShrinkageRegressor
from tests.cli.command_line import shrinkage

pytest.importorskip("onnxscript")
pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) * [1.0, 50.0, 0.01] + [0.0, 1000.0, 3.0]
Y = X @ [1.0, 0.02, 30.0] + 200


def answers(path, rows: np.ndarray) -> np.ndarray:
    """Return what a file gives for raw rows."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"input": rows})[0]


@pytest.mark.slow
def test_the_file_predicts_raw_rows(tmp_path):
    number = ShrinkageRegressor("mlp:4", epochs=20).fit(X, Y)
    assert number.to_onnx(tmp_path / "r.onnx").difference <= 1e-5
    np.testing.assert_allclose(answers(tmp_path / "r.onnx", X)[:, 0], number.predict(X), rtol=1e-5)
    kind = ShrinkageClassifier("linear").fit(X, np.median(Y) < Y)
    kind.to_onnx(tmp_path / "c.onnx")
    expected = kind.predict_proba(X)
    np.testing.assert_allclose(answers(tmp_path / "c.onnx", X), expected, atol=1e-5)


def test_missing_cells_are_filled(tmp_path):
    holes = X.copy()
    holes[::4, 1] = np.nan
    path = fit_path("mlp:4", holes, Y, strengths=(0.001, 0.1), folds=2, epochs=5)
    path.to_onnx(tmp_path / "p.onnx", "unregularized")
    expected = path.predict(holes, "unregularized")
    np.testing.assert_allclose(answers(tmp_path / "p.onnx", holes)[:, 0], expected, rtol=1e-5)


def test_what_a_file_gives_is_told_in_the_words_of_its_loss():
    options = {"strengths": (0.01, 0.1), "folds": 2, "epochs": 1}
    assert fit_path("mlp:2", X, Y, **options).onnx_answers == "y in its unit"
    risk = fit_path("mlp:2", X, Y, loss="cox", **options)
    assert risk.onnx_answers == "logarithms of the risk, y"
    both = np.column_stack([np.median(Y) < Y, X[:, 0] > 1])
    assert "probabilities of" in fit_path("mlp:2", X, both, **options).onnx_answers


@pytest.mark.slow
def test_the_command_exports_a_run_and_a_compacted_one(tmp_path):
    noise = np.column_stack([X, RNG.normal(size=(60, 3))])
    run, file = tmp_path / "run", tmp_path / "best.onnx"
    path = fit_path("mlp:4", noise, Y, strengths=(0.02, 0.05), folds=2, epochs=30, store=run,
                    penalty=GroupLasso())  # fmt: skip
    answer = shrinkage("export", run, "--to", "onnx", file)
    assert answer.status == 0
    assert "takes 6 columns as float64 (x0, x1, x2, x3, x4, …)" in answer.out
    np.testing.assert_allclose(answers(file, noise)[:, 0], path.predict(noise), rtol=1e-5)
    assert shrinkage("compact", run, "--model", "best", "-q").status == 0
    small = tmp_path / "small.onnx"
    assert shrinkage("export", run / "compact", small, "--quiet").out == ""
    np.testing.assert_allclose(answers(small, noise)[:, 0], path.predict(noise), rtol=1e-5)
    table = pd.DataFrame({"size": X[:, 0], "city": ["Bern", "Basel"] * 30})
    fit_path("linear", table, Y, strengths=(1e-4, 1e-3), folds=2, store=tmp_path / "hashed",
             columns={"city": {"encode": "hash"}})  # fmt: skip
    for words, said in (
        ((run, file, "--to", "onxn"), "onnx"),
        ((run, tmp_path), "got a folder"),
        ((run, run / "model.onnx"), "outside the run"),
        ((run, tmp_path / "no" / "x.onnx"), "make it first"),
        ((run, file, "--model", "worst"), "worst"),
        ((tmp_path / "no-run", file), "no-run"),
        ((tmp_path / "hashed", file), "('city')"),
    ):
        answer = shrinkage("export", *words)
        assert answer.status == 2, answer
        assert answer.err.count("\n") == 1
        assert said in answer.err
