"""The engine of a user's module: tried, measured, kept, and told."""

from __future__ import annotations

import json
import random
import re

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage import ShrinkageRegressor, fit_path
from shrinkage.errors import InputError
from shrinkage.paths import load_result
from shrinkage.paths.engines.vectorizing.comparing import obstacle
from shrinkage.paths.engines.vectorizing.traits import traits_of
from shrinkage.paths.running.engine_choice import Measured
from tests.paths.tables import table

SMALL = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 1}


class Net(nn.Module):
    """A layer and one more; subclasses do something between them."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(n_inputs, 6), nn.Linear(6, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        return self.last(self.between(torch.relu(self.first(x))))

    def between(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the hidden units as they are."""
        return hidden


class Branching(Net):
    """What it computes depends on its numbers, which many models at once do not have in common."""

    def between(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return one of two."""
        return hidden if hidden.sum() > 0 else -hidden


class NotTorch(Net):
    """Draws from NumPy's generator."""

    def between(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return some of the hidden units."""
        return hidden * float(np.random.default_rng().random())


class Squeezing(Net):
    """Loses the axis of the rows where there is one."""

    def between(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return them."""
        return hidden.squeeze(0)


class Coupled(Net):
    """Of many models at once it computes something else than of one: a seeded fault."""

    def between(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return more in a stack."""
        stacked = torch._C._functorch.is_batchedtensor(self.first.weight)  # pyright: ignore[reportAttributeAccessIssue]
        return hidden * (2.0 if stacked else 1.0)


def test_the_engine_and_the_reason_are_told(tmp_path):
    result = fit_path(Net, *table(), store=tmp_path / "run", **SMALL)
    assert result.summary["engine"] in ("vectorized", "sequential")
    assert "of the time of one after the other" in str(result.summary["engine_reason"])
    assert "repeatable" not in result.summary
    assert load_result(tmp_path / "run").summary == result.summary
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"(engine {result.summary['engine']})" in page


@pytest.mark.parametrize("seconds", [(2.0, 1.0), (1.0, 2.0)])
def test_the_faster_one_is_taken_and_both_agree(monkeypatch, seconds):
    monkeypatch.setattr(Measured, "of", lambda *_: Measured(*seconds))
    chosen = fit_path(Net, *table(), **SMALL)
    assert chosen.summary["engine"] == ("vectorized" if seconds[1] < 2 else "sequential")
    other = "sequential" if seconds[1] < 2 else "vectorized"
    asked = fit_path(Net, *table(), engine=other, **SMALL)
    assert asked.summary["engine"] == other
    np.testing.assert_allclose(chosen.train_loss, asked.train_loss, atol=1e-4)


def test_a_resumed_run_keeps_its_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(Measured, "of", lambda *_: Measured(2.0, 1.0))
    monkeypatch.setattr("shrinkage.reports.write_report", lambda *_: None)
    store = tmp_path / "run"
    fit_path(Net, *table(), store=store, **SMALL)
    note = json.loads((store / "state" / "engine.json").read_text())
    (store / "summary.json").unlink()
    monkeypatch.setattr(Measured, "of", lambda *_: pytest.fail("it is measured again"))
    again = fit_path(Net, *table(), store=store, resume=True, **SMALL)
    assert again.summary["engine"] == note["engine"] == "vectorized"


def test_what_cannot_be_stacked_trains_one_after_the_other_and_says_why():
    result = fit_path(Branching, *table(), **SMALL)
    assert result.summary["engine"] == "sequential"
    assert "torch cannot compute many copies" in str(result.summary["engine_reason"])
    with pytest.raises(InputError, match="cannot be vectorized") as error:
        fit_path(Branching, *table(), engine="vectorized", **SMALL)
    assert "\n" not in str(error.value)


def test_a_module_that_computes_something_else_in_a_stack_is_seen(make):
    problem, unit = make(Coupled)
    assert obstacle(problem, unit, traits_of(problem, unit)).endswith("outputs differ")
    problem, unit = make(Net)
    assert obstacle(problem, unit, traits_of(problem, unit)) == ""


def test_randomness_outside_torch_is_told():
    result = fit_path(NotTorch, *table(), **SMALL)
    assert result.summary["repeatable"] is False
    assert "outside torch's generator" in result.warnings[0]


class Dropping(Net):
    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.5)


def test_a_dropout_in_evaluation_is_told():
    result = fit_path(Dropping, *table(), **SMALL)
    assert "draws random numbers in evaluation" in result.warnings[0]
    with pytest.warns(UserWarning, match="in evaluation"):
        ShrinkageRegressor(Dropping, epochs=1).fit(*table())
    assert not any("in evaluation" in told for told in fit_path(Net, *table(), **SMALL).warnings)


def turned(x):
    """Return a batch that Python's generator says to turn, or the batch."""
    return x.flip(1) if random.random() < 0.5 else x


def weighed(outputs, target):
    """Return a loss that NumPy's generator multiplies."""
    return nn.functional.mse_loss(outputs, target) * (1 + np.random.random())


@pytest.mark.parametrize(
    ("model", "own"),
    [(Net, {"augment": turned}), ("mlp:3", {"augment": turned}), ("mlp:3", {"loss": weighed})],
    ids=["augment", "augment of known layers", "loss of known layers"],
)
def test_randomness_of_functions_outside_torch_is_told(model, own):
    before = random.getstate()
    result = fit_path(model, *table(), **own, **SMALL)
    assert result.summary["repeatable"] is False
    assert "its augmentation draws" in result.warnings[0]
    own_loss = {"loss": nn.MSELoss()} if "loss" in own else {}
    random.setstate(before)
    assert "repeatable" not in fit_path(model, *table(), **own_loss, **SMALL).summary


def test_a_forward_whose_shape_changes_with_the_batch_is_refused():
    with pytest.raises(InputError, match="for 1 row, and another shape for two") as error:
        fit_path(Squeezing, *table(), **SMALL)
    assert "\n" not in str(error.value)


class Cutting(Net):
    def forward(self, x):
        return super().forward(x)[:7]


def test_a_forward_whose_shape_changes_in_batches_of_training_is_refused():
    with pytest.raises(InputError, match=r"got \(7, 1\) for \d+ rows, and another shape for two"):
        fit_path(Cutting, *table(), **SMALL)


class Either(Net):
    """Passes batches of a positive sum through one layer, and others through another."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__(n_inputs, n_outputs)
        self.other = nn.Linear(n_inputs, n_outputs)

    def forward(self, x):
        return super().forward(x) if x[:, 0].sum() > 0 else self.other(x)


def test_layers_that_some_batches_pass_by_are_not_trained_together():
    said = r"has a gradient in some steps and none in others"
    result = fit_path(Either, *table(), batch_size=4, **SMALL)
    assert result.summary["engine"] == "sequential"
    assert re.search(said, str(result.summary["engine_reason"]))
    with pytest.raises(InputError, match=f"cannot be vectorized.*{said}"):
        fit_path(Either, *table(), batch_size=4, engine="vectorized", **SMALL)


def test_a_layer_that_no_batch_trains_leaves_models_together():
    def unused(n_inputs, n_outputs):
        module = Net(n_inputs, n_outputs)
        module.spare = nn.Linear(3, 3)
        return module

    result = fit_path(unused, *table(), engine="vectorized", batch_size=4, **SMALL)
    assert result.summary["engine"] == "vectorized"


class Seldom(Either):
    """Leaves a layer out in some steps of training, by chance."""

    def forward(self, x):
        if self.training and torch.rand(1).item() < 0.5:
            return self.other(x)
        return Net.forward(self, x)


@pytest.mark.parametrize("trials", [8, 0])
def test_layers_that_are_left_out_by_chance_train_as_one_after_the_other(monkeypatch, trials):
    monkeypatch.setattr("shrinkage.paths.engines.vectorizing.traits.FURTHER_STEPS", trials)
    monkeypatch.setattr(Measured, "of", lambda *_: Measured(2.0, 1.0))
    small = {**SMALL, "epochs": 6, "batch_size": 4, "dtype": "float64"}
    result = fit_path(Seldom, *table(), **small)
    assert result.summary["engine"] == ("sequential" if trials else "vectorized")
    alone = fit_path(Seldom, *table(), engine="sequential", **small)
    assert np.allclose(result.validation_loss, alone.validation_loss, rtol=1e-9)
    with pytest.raises(InputError, match="gradient in some steps and none in others"):
        fit_path(Seldom, *table(), engine="vectorized", **small)


def test_sparse_gradients_are_refused_before_training():
    words = np.random.default_rng(0).integers(0, 5, size=(24, 3))

    embedding = nn.Embedding(5, 2, sparse=True)
    with pytest.raises(InputError, match=r"sparse one of 0\.weight: build its embedding without"):
        fit_path(
            nn.Sequential(embedding, nn.Flatten(), nn.Linear(6, 2)),
            (words,),
            words[:, 0] > 2,
            **SMALL,
        )
