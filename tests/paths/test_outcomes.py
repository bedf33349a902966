"""What is measured of the models of one unit: scores, losses, curves, status and zeros."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score

from shrinkage.paths.choosing import judging
from shrinkage.paths.choosing.judging import judge
from shrinkage.paths.engines.base import Rows, Trained, template
from shrinkage.paths.engines.curves import CurveRecorder
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.paths.running.outcomes import validated


def nothing(_: int) -> None:
    """Take no notice of progress."""


def linear_stub(problem, unit, weight: torch.Tensor, converged: list[bool]) -> Trained:
    """Return models whose outputs are `weight · x`, with a first layer of the template's shape."""
    module = template(problem, unit)
    arrays = {
        name: torch.ones(len(weight), *value.shape, dtype=problem.dtype)
        for name, value in module.named_parameters()
    }
    return Trained(lambda x: weight @ x.t(), arrays, None, np.array(converged))


@pytest.mark.parametrize("block", [1, 70, 2**20])
def test_a_unit_is_scored_on_its_validation_rows_with_their_weights(make, monkeypatch, block):
    monkeypatch.setattr(judging, "BLOCK", block)  # numbers: 6 a row
    problem, unit = make("mlp:3", strengths=(0.0, 1.0), weighted=True)
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 6)))
    values = validated(problem, unit, linear_stub(problem, unit, weight, [True, True])).values
    data = unit.data
    assert data.rows.weight is not None
    losses = {}
    for name, positions in (("train_loss", data.train), ("validation_loss", data.validation)):
        logits = weight @ data.rows.x[positions].t()
        row_losses = [
            torch.nn.functional.cross_entropy(
                model.t(), data.rows.target[positions], reduction="none"
            )
            for model in logits
        ]
        losses[name] = [float((row * data.rows.weight[positions]).mean()) for row in row_losses]
        np.testing.assert_allclose(values[name], losses[name], rtol=1e-12)
    assert losses["train_loss"] != losses["validation_loss"]
    inside = data.validation.numpy()
    predicted = (weight @ data.rows.x[inside].t()).argmax(dim=1).numpy()
    expected = [
        accuracy_score(data.raw_target[inside], p, sample_weight=data.rows.weight.numpy()[inside])
        for p in predicted
    ]
    np.testing.assert_allclose(values["score"], expected, rtol=1e-12)


def test_rows_without_a_number_have_outputs_too():
    rows = Rows(torch.empty(5, 0), torch.zeros(5))
    values = judging.outputs_at(rows, torch.arange(3), lambda x: torch.ones(2, 1, len(x)))
    assert values.shape == (2, 1, 3)


def test_curve_points_come_after_the_epochs_they_name_and_from_validation_rows(make):
    problem, unit = make("mlp:3", epochs=90, strengths=(0.0,))
    recorder = CurveRecorder.for_unit(problem, unit)
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 6)))
    for epoch in range(90):
        recorder.record(epoch, np.array([float(epoch)]), lambda x: weight @ x.t())
    curves = recorder.curves()
    assert curves is not None
    np.testing.assert_array_equal(curves.epochs, np.arange(3, 91, 3))
    np.testing.assert_array_equal(curves.train_loss[:, 0], curves.epochs - 1)
    values = weight @ unit.data.rows.x[unit.data.validation].t()
    _, score, loss = judge(problem, unit.data, values, unit.data.validation)
    np.testing.assert_array_equal(curves.validation_loss[-1], loss)
    np.testing.assert_array_equal(curves.validation_score[-1], score)


@pytest.mark.parametrize("engine", [StackedEngine(), SequentialEngine()], ids=lambda e: e.name)
def test_the_training_loss_of_an_epoch_is_the_mean_of_its_batches(make, engine):
    problem, unit = make("mlp:3", strengths=(0.0, 0.1), rows=112 + 40, learning_rate=1e-15)
    curves = engine.train(problem, unit, nothing).curves
    assert curves is not None
    rows = unit.data.rows.take(unit.data.train)
    with torch.no_grad():
        logits = template(problem, unit)(rows.x)
    expected = float(torch.nn.functional.cross_entropy(logits, rows.target))
    np.testing.assert_allclose(curves.train_loss, expected, rtol=1e-9)


def test_each_end_of_training_has_its_status(make):
    problem, unit = make("mlp:3", strengths=(0.0,) * 5)
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3, 6)))
    weight[1] = 0.0
    weight[2] = torch.nan
    trained = linear_stub(problem, unit, weight, [True, True, True, False, True])
    trained.arrays["0.bias"][4] = torch.inf
    counts = {"batches": torch.ones(5, dtype=torch.int64)}  # a number of each, as norms have
    trained = replace(trained, arrays={**trained.arrays, **counts})
    ends = ["ok", "collapsed", "diverged", "not_converged", "diverged"]
    outcome = validated(problem, unit, trained)
    assert [str(status) for status in outcome.status] == ends
    assert np.isnan(outcome.values["score"][2])


def test_zeros_norms_and_inputs_are_those_of_the_weights(make):
    problem, unit = make("mlp:3", strengths=(0.0, 1.0))
    weight = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 6)))
    trained = linear_stub(problem, unit, weight, [True, True])
    first = trained.arrays["0.weight"]
    first[1] = 0.0
    first[1, 0, :2] = torch.tensor([3.0, -4.0], dtype=first.dtype)
    values = validated(problem, unit, trained).values
    counts = {name: value.tolist() for name, value in values.items() if "nonzero" in name}
    assert counts == {"nonzero/0.weight": [18, 2], "nonzero/2.weight": [9, 9]}
    np.testing.assert_allclose(values["norm/0.weight"], [np.sqrt(18.0), 5.0])
    assert values["inputs_kept"].tolist() == [6, 2]
