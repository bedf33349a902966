"""Products in bfloat16: what they are, where they are, and that masters stay in float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from shrinkage import fit_path
from shrinkage.errors import InputError
from shrinkage.paths.engines import moving, precision
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.penalties import GroupLasso
from tests.paths.test_engines import nothing


@pytest.fixture
def emulated(monkeypatch):
    monkeypatch.setenv(precision.EMULATE, "1")
    monkeypatch.setattr(precision, "LEAST_WEIGHTS", 0)
    monkeypatch.setattr(precision, "is_there", lambda _: False)


def trained(make, kind: str, penalty=None, **kwargs) -> dict[str, np.ndarray]:
    problem, unit = make("mlp:8,5", penalty, dtype=torch.float32, **kwargs)
    problem = replace(problem, precision=kind)
    arrays = StackedEngine().train(problem, unit, nothing).arrays
    return {name: value.numpy() for name, value in arrays.items()}


@pytest.mark.parametrize("penalty", [None, GroupLasso(per="input")], ids=repr)
@pytest.mark.usefixtures("emulated")
def test_a_few_steps_differ_from_float32_by_rounding(make, penalty):
    wide = trained(make, "float32", penalty, epochs=1)
    narrow = trained(make, "bfloat16", penalty, epochs=1)
    assert narrow["0.weight"].dtype == np.float32
    apart = {name: np.abs(wide[name] - narrow[name]).max() for name in wide}
    assert 1e-5 < apart["0.weight"] < 0.05
    rounded = torch.from_numpy(narrow["0.weight"]).bfloat16().float().numpy()
    assert (rounded != narrow["0.weight"]).mean() > 0.5


@pytest.mark.usefixtures("emulated")
def test_with_and_without_kernels_the_steps_are_the_same(make, monkeypatch):
    compiled = trained(make, "bfloat16", epochs=1, rows=40 + 16 * 3)
    monkeypatch.setattr(moving, "is_built", lambda: False)
    eager = trained(make, "bfloat16", epochs=1, rows=40 + 16 * 3)
    for name, value in compiled.items():
        np.testing.assert_allclose(value, eager[name], rtol=0, atol=1e-5)


@pytest.mark.usefixtures("emulated")
def test_a_path_says_its_precision_and_scores_alike(digits):
    options = {"strengths": (1e-4, 1e-3), "folds": 2, "epochs": 20}
    wide = fit_path("mlp:16", *digits, **options, precision="float32")
    narrow = fit_path("mlp:16", *digits, **options, precision="bfloat16")
    assert wide.summary["precision"] == "float32"
    assert narrow.summary["precision"] == "bfloat16"
    scores = (np.array(path.summary["cv_score_mean"]) for path in (wide, narrow))
    assert np.abs(np.subtract(*scores)).max() < 0.03


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("mlp:4", {}, "precision 'bfloat16' is not there on this cpu"),
        ("mlp:4", {"dtype": "float64"}, "expected float32 weights of a network"),
        ("linear", {}, "expected float32 weights of a network"),
        ("mlp:4", {"engine": "sequential"}, "expected float32 weights of a network"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(digits, model, options, words, monkeypatch):
    monkeypatch.setattr(precision, "is_there", lambda _: False)
    monkeypatch.delenv(precision.EMULATE, raising=False)
    with pytest.raises(InputError, match=words) as caught:
        fit_path(model, *digits, precision="bfloat16", **options)
    assert "\n" not in str(caught.value)


def test_auto_follows_the_processor(monkeypatch):
    cpu = torch.device("cpu")
    for there, kind in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(precision, "is_there", {"cpu": there}.get)
        assert precision.settled("auto", cpu, torch.float32, narrows=True) == kind
        assert precision.settled("auto", cpu, torch.float64, narrows=True) == "float32"
        assert precision.settled("auto", cpu, torch.float32, narrows=False) == "float32"
