"""Compiled whole steps against the same in torch, in float64; of rounded numbers for bfloat16."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shrinkage.paths.engines.base import Problem, Unit, template
from shrinkage.paths.engines.kernels import mlp
from shrinkage.paths.engines.losses import ShiftedLoss, loss_and_gradient
from shrinkage.paths.engines.network import StackedNetwork
from shrinkage.paths.engines.stacked import StackedEngine, _parts, _residual, _train
from shrinkage.paths.engines.whole_steps import WholeSteps
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso
from shrinkage.terms import FARTHEST
from tests.paths.test_engines import nothing


def needs_kernel(precision: str) -> pytest.MarkDecorator:
    narrow = precision == "bfloat16"
    return pytest.mark.skipif(
        not mlp.is_there(narrow=narrow),
        reason="the kernels were not built, or the processor has no bfloat16",
    )


either = pytest.mark.parametrize(
    "precision", [pytest.param(own, marks=needs_kernel(own)) for own in ("float32", "bfloat16")]
)


def rounded(value: torch.Tensor, problem) -> torch.Tensor:
    """Return the numbers as products take them."""
    return value.float().bfloat16().double() if problem.precision == "bfloat16" else value


def network_of(problem, unit) -> StackedNetwork:
    module = template(problem, unit)
    assert isinstance(module, nn.Sequential)
    return StackedNetwork(module, len(unit.settings))


def reference(problem, unit, batches) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return weights and first moments after some batches, one model after the other."""
    network = network_of(problem, unit)
    names = [name for name in network.parameters if name.endswith("weight")]
    w = {name: value.detach().double() for name, value in network.parameters.items()}
    m = {name: torch.zeros_like(value) for name, value in w.items()}
    v = {name: torch.zeros_like(value) for name, value in w.items()}
    parts = {
        name: [part for whole in own for part in whole.elementary()]
        for name, own in _parts(problem, unit).items()
    }
    rows, recipe = unit.data.rows, problem.recipe
    for step, batch in enumerate(batches):
        gradients = {}
        hidden, inputs = rows.x[batch].double().t().expand(len(unit.settings), -1, -1), []
        for name in names:
            inputs.append(rounded(hidden, problem))
            hidden = rounded(w[name], problem) @ inputs[-1]
            hidden = (hidden + w[name.replace("weight", "bias")].unsqueeze(-1)).float().double()
            hidden = hidden if name == names[-1] else hidden.relu()
        weight = None if rows.weight is None else rows.weight[batch].double()
        target = rows.target[batch]
        target = target.double() if target.is_floating_point() else target
        _, slope = loss_and_gradient(problem.loss, hidden, target, weight)
        for name, own in zip(reversed(names), reversed(inputs), strict=True):
            gradients[name.replace("weight", "bias")] = slope.sum(-1)
            gradients[name] = rounded(slope, problem) @ own.transpose(1, 2)
            slope = rounded(w[name], problem).transpose(1, 2) @ rounded(slope, problem)
            slope = slope * (own > 0)
        rate, t = recipe.learning_rate_at(step, recipe.steps(len(unit.data.train))), step + 1
        for name, g in gradients.items():
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.999 * v[name] + 0.001 * g * g
            metric = (v[name] / (1 - 0.999**t)).sqrt() + 1e-8
            moved = rate * (m[name] / (1 - 0.9**t)) / metric
            z, free = w[name] - moved, w[name] - moved
            levels: dict[Any, Any] = {L1(): 0.0, L2(): 0.0}
            for part in parts.get(name, []):
                strength = torch.as_tensor(part.strength)
                levels[part.penalty] += strength.view(-1, *[1] * (z.ndim - 1))
            step_size = rate / metric
            z = free / (1 + step_size * levels[L2()])
            threshold = step_size * levels[L1()] / (1 + step_size * levels[L2()])
            z = z.sign() * (z.abs() - threshold).clamp(min=0)
            far = FARTHEST * moved.abs().clamp(min=rate)
            w[name] = torch.minimum(torch.maximum(z, free - far), free + far)
    return w, m


def case(
    make, precision, model="mlp:8,5", penalty=None, *, batch_size=16, **kwargs
) -> tuple[Problem, Unit]:
    problem, unit = make(model, penalty, dtype=torch.float32, **kwargs)
    recipe = replace(problem.recipe, batch_size=batch_size)
    return replace(problem, precision=precision, recipe=recipe), unit


def whole(problem, unit) -> tuple[StackedNetwork, WholeSteps]:
    network = network_of(problem, unit)
    steps = WholeSteps.of(problem, unit, network, _parts(problem, unit))
    assert steps is not None
    return network, steps


def batches_of(problem, unit, count: int) -> torch.Tensor:
    size = min(problem.recipe.batch_size, len(unit.data.train))
    random = np.random.default_rng(5)
    order = [random.permutation(unit.data.train.numpy())[:size] for _ in range(count)]
    return torch.from_numpy(np.stack(order))


def assert_alike(problem, unit, steps: int = 3) -> None:
    """Of all numbers but those that a sum in float32 has rounded to the other neighbour.

    In float32 a weight whose gradient is nearly zero is moved by a step to either side.
    """
    narrow = problem.precision == "bfloat16"
    network, own = whole(problem, unit)
    batches = batches_of(problem, unit, steps)
    own.begin(batches)
    left = steps
    while left:
        left -= own.take()
    weights, moments = reference(problem, unit, batches)
    for name, expected in moments.items():
        scale = float(expected.abs().max())
        apart = (network.flat.moments(name)[0].double() - expected).abs() / scale
        assert float(apart.max()) < (1e-2 if narrow else 1e-4), name
        assert float(apart.median()) < 2e-6, name
        apart = (network.parameters[name].detach().double() - weights[name]).abs()
        assert float(apart.median()) < 1e-6, name
        zero = network.parameters[name] == 0
        assert int((zero != (weights[name] == 0)).sum()) <= 0.01 * zero.numel()


CASES = {
    "small": {},
    "one layer": {"model": "mlp:40"},
    "three": {"model": "mlp:33,70,17"},
    "l1": {"penalty": L1()},
    "l2": {"penalty": L2()},
    "both": {"penalty": ElasticNet(0.3)},
    "weights of rows": {"weighted": True},
    "numbers": {"task": "regression"},
    "weighted numbers": {"task": "regression", "weighted": True},
    "61 inputs": {"inputs": 61},
    "200 inputs": {"inputs": 200, "rows": 200, "batch_size": 128},
    "37 rows": {"batch_size": 37},
    "all rows": {"batch_size": 1000},
}


@either
@pytest.mark.parametrize("kwargs", CASES.values(), ids=CASES)
def test_steps_are_those_of_torch(make, precision, kwargs):
    assert_alike(*case(make, precision, **kwargs))


@needs_kernel("bfloat16")
def test_without_tiles_they_are_the_same(make, monkeypatch):
    monkeypatch.setattr(mlp, "_THERE", 1)
    assert_alike(*case(make, "bfloat16", "mlp:33,70", ElasticNet(0.5), inputs=61))


@needs_kernel("float32")
@pytest.mark.parametrize("widest", [0, 1])
@pytest.mark.parametrize("share", [0.2, 1.0])
def test_other_processors_take_the_same_steps(make, monkeypatch, widest, share):
    monkeypatch.setattr(mlp, "WIDEST", widest)
    problem, unit = case(make, "float32", "mlp:33,70,17", ElasticNet(0.5), inputs=261, rows=100)
    x = unit.data.rows.x
    x[torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) > share] = 0
    assert whole(problem, unit)[1].leaves_out_zeros == (share < 1)
    assert_alike(problem, unit)


PAIRED = {
    "small": {},
    "three layers, an odd number of inputs": {"model": "mlp:33,70,17", "inputs": 61},
    "two groups of outputs": {"model": "mlp:100", "penalty": ElasticNet(0.3)},
    "a group of one block": {"model": "mlp:65,8", "penalty": L1(), "inputs": 17},
    "lists in two pieces": {"inputs": 450, "rows": 200, "batch_size": 77},
    "numbers": {"task": "regression", "weighted": True},
}


@either
@pytest.mark.parametrize("kwargs", PAIRED.values(), ids=PAIRED)
def test_zeros_of_a_table_are_left_out(make, monkeypatch, precision, kwargs):
    monkeypatch.setattr(mlp, "_THERE", 1)
    problem, unit = case(make, precision, **kwargs)
    x = unit.data.rows.x
    x[torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) < 0.8] = 0
    x[:, 5] = 0
    assert whole(problem, unit)[1].leaves_out_zeros
    assert_alike(problem, unit)
    assert_alike(problem, replace(unit, threads=3), steps=1)


@either
def test_shifted_outputs_and_threads(make, monkeypatch, precision):
    problem, unit = case(make, precision, rows=200)
    shifted = replace(problem, loss=ShiftedLoss(problem.loss, (0.5, -1.0, 0.25)))
    assert_alike(shifted, replace(unit, threads=3))
    monkeypatch.setattr(mlp, "MOST_STEPS", 2)
    assert_alike(shifted, unit)


@either
def test_one_model_does_not_see_another(make, precision):
    problem, unit = case(make, precision)
    batches = batches_of(problem, unit, 3)
    arrays = []
    for spoiled in (False, True):
        network, steps = whole(problem, unit)
        if spoiled:
            with torch.no_grad():
                network.parameters["0.weight"][1, 0, 0] = torch.nan
        steps.begin(batches)
        assert steps.take() == 3
        arrays.append(network.parameters)
        assert torch.isnan(steps.losses()).tolist() == [False, spoiled, False, False]
    for name, value in arrays[0].items():
        others = torch.tensor([0, 2, 3])
        assert torch.equal(value[others], arrays[1][name][others])
    assert torch.isnan(arrays[1]["0.weight"][1]).any()


@either
@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_label_that_is_no_output_is_told_before_it_is_read(make, precision, wrong):
    problem, unit = case(make, precision)
    unit.data.rows.target[5] = wrong
    with pytest.raises(IndexError, match="from 0 to below 3, the outputs of the network"):
        whole(problem, unit)


@needs_kernel("bfloat16")
def test_a_training_scores_as_in_float32(make):
    problem, unit = case(make, "bfloat16", "mlp:16,8", epochs=20)
    narrow = StackedEngine().train(problem, unit, nothing)
    wide = StackedEngine().train(replace(problem, precision="float32"), unit, nothing)
    assert narrow.curves is not None
    assert wide.curves is not None
    np.testing.assert_allclose(narrow.curves.train_loss, wide.curves.train_loss, atol=0.02)


@either
@pytest.mark.parametrize("kwargs", [{}, {"task": "regression", "weighted": True}], ids=str)
def test_gradients_are_those_of_autograd(make, precision, kwargs):
    problem, unit = case(make, precision, "mlp:33,8", rows=341, inputs=61, **kwargs)
    assert_gradients(problem, unit)


@either
@pytest.mark.parametrize("model", ["mlp:33,8", "mlp:100"])
def test_gradients_leave_out_zeros_of_a_table(make, monkeypatch, precision, model):
    monkeypatch.setattr(mlp, "_THERE", 1)
    problem, unit = case(make, precision, model, rows=341, inputs=61)
    x = unit.data.rows.x
    x[torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) < 0.8] = 0
    used = assert_gradients(problem, unit)
    assert used
    assert all(used)


def assert_gradients(problem, unit) -> list[bool]:
    """Compare gradients with autograd's, and return whether each pass left out zeros."""
    used, make_steps = [], mlp.MlpSteps

    def noted(*own, **how):
        steps = make_steps(*own, **how)
        used.append(steps.leaves_out_zeros)
        return steps

    network, steps = whole(problem, unit)
    rows, count = unit.data.rows.take(unit.data.train), len(unit.settings)
    constant = torch.linspace(-1.0, 0.5, problem.n_outputs)
    for at in (None, constant):
        compiled = steps.gradients
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mlp, "MlpSteps", noted)
            own = (
                compiled(unit.data.train)
                if at is None
                else compiled.at_constant(unit.data.train, at)
            )
        outputs = network.forward(rows.x)
        seen = outputs if at is None else at.view(1, -1, 1).expand(count, -1, len(rows))
        _, pull = loss_and_gradient(problem.loss, seen.detach(), rows.target, rows.weight)
        expected = torch.autograd.grad((outputs * pull).sum(), tuple(network.parameters.values()))
        for (name, value), right in zip(own.items(), expected, strict=True):
            most = 0.05 if problem.precision == "bfloat16" else 1e-5  # relu at 0
            assert float((value - right).norm() / right.norm()) < most, name
    return used


@either
def test_the_residual_is_that_of_autograd(make, precision):
    problem, unit = case(make, precision, "mlp:16,8", ElasticNet(0.3), epochs=40)
    network, steps = whole(problem, unit)
    _train(problem, network, unit, steps, nothing)
    compiled = _residual(problem, unit, network, steps.gradients)
    plain = _residual(problem, unit, network, None)
    assert compiled is not None
    assert plain is not None
    apart = (
        {"rtol": 0.05, "atol": 2e-3} if precision == "bfloat16" else {"rtol": 1e-4, "atol": 1e-5}
    )
    np.testing.assert_allclose(compiled, plain, **apart)


@either
@pytest.mark.parametrize(
    "kwargs",
    [
        {"model": "mlp:8,5;activation=tanh"},
        {"model": "mlp:8;dropout=0.3"},
        {"penalty": GroupLasso(per="input")},
        {"penalty": L1(), "update": "decoupled"},
    ],
    ids=str,
)
def test_other_networks_and_penalties_take_steps_of_torch(make, precision, kwargs):
    problem, unit = case(make, precision, **kwargs)
    network = network_of(problem, unit)
    assert WholeSteps.of(problem, unit, network, _parts(problem, unit)) is None
    assert StackedEngine().train(problem, unit, nothing).curves is not None


@either
def test_threads_that_would_wait_leave_large_networks_to_torch(make, precision):
    for model, threads, there in (
        ("mlp:8", 16, True),
        ("mlp:600,500", 4, True),
        ("mlp:600,500", 16, False),
    ):
        problem, unit = case(make, precision, model)
        own = replace(unit, threads=threads)
        steps = WholeSteps.of(problem, own, network_of(problem, own), _parts(problem, own))
        assert (steps is not None) == there, (model, threads)
