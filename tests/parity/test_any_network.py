"""Any module, all strengths at once against one model after the other."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from shrinkage.paths.engines.base import Problem, Trained, Unit
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.vectorizing.engine import VectorizedEngine
from shrinkage.paths.engines.vectorizing.traits import traits_of
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso
from shrinkage.terms import Term
from tests.parity.networks import INPUTS, NETWORKS, Bag, Encoder, LeNet, ResNet, Two
from tests.paths.conftest import make_problem

ROWS = 88  # 48 to train on: three steps an epoch


def problem_of(network: type[nn.Module], **more) -> tuple[Problem, Unit]:
    given = {"penalty": L1(), "epochs": 3, "rows": ROWS, "inputs": INPUTS, **more}
    penalty = given.pop("penalty")
    return make_problem(network, penalty, strengths=(0.0, 1e-3, 1e-2), **given)


def vectorized(problem: Problem, unit: Unit) -> Trained:
    return VectorizedEngine(traits_of(problem, unit)).train(problem, unit, lambda _: None)


def sequential(problem: Problem, unit: Unit) -> Trained:
    return SequentialEngine().train(problem, unit, lambda _: None)


def assert_equal(left: Trained, right: Trained, tolerance: float) -> None:
    assert left.arrays.keys() == right.arrays.keys()
    for name, value in left.arrays.items():
        torch.testing.assert_close(
            value, right.arrays[name], rtol=0, atol=tolerance, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("network", NETWORKS, ids=lambda own: own.__name__)
def test_every_network_agrees_in_float64(network):
    problem, unit = problem_of(network)
    together, alone = vectorized(problem, unit), sequential(problem, unit)
    assert_equal(together, alone, 1e-8)
    x = unit.data.rows.x
    torch.testing.assert_close(together.outputs(x), alone.outputs(x), rtol=0, atol=1e-8)
    for name in ("train_loss", "validation_loss", "validation_score"):
        left, right = (torch.tensor(getattr(own.curves, name)) for own in (together, alone))
        torch.testing.assert_close(left, right, rtol=0, atol=1e-8)


def test_residuals_agree():
    problem, unit = problem_of(Bag, epochs=1)
    together, alone = vectorized(problem, unit).residual, sequential(problem, unit).residual
    assert together is not None
    assert alone is not None
    torch.testing.assert_close(
        torch.tensor(together()), torch.tensor(alone()), rtol=1e-8, atol=1e-10
    )


@pytest.mark.parametrize("network", NETWORKS, ids=lambda own: own.__name__)
def test_every_network_agrees_in_float32(network):
    problem, unit = problem_of(network, dtype=torch.float32, epochs=1)
    x = unit.data.rows.x
    # Not the weights: a bias that softmax takes away again is moved by its rounding errors alone.
    outputs = vectorized(problem, unit).outputs(x), sequential(problem, unit).outputs(x)
    torch.testing.assert_close(*outputs, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("network", "penalty", "update"),
    [
        (LeNet, L2(), "decoupled"),
        (LeNet, GroupLasso(per="output"), "proximal"),
        (ResNet, ElasticNet(0.3), "gradient"),
        (Encoder, L1(), "loss"),
        (Bag, GroupLasso(per="input"), "proximal"),
    ],
    ids=lambda own: getattr(own, "__name__", str(own)),
)
def test_penalties_and_updates_agree(network, penalty, update):
    problem, unit = problem_of(network, penalty=penalty, update=update, epochs=2)
    assert_equal(vectorized(problem, unit), sequential(problem, unit), 1e-8)


def test_fixed_terms_and_weights_of_rows_agree():
    fixed = (Term(1e-2, L2()),)
    problem, unit = problem_of(Two, fixed=fixed, weighted=True)
    assert_equal(vectorized(problem, unit), sequential(problem, unit), 1e-8)


def test_statistics_of_batch_norm_are_those_of_each_model():
    problem, unit = problem_of(ResNet, learning_rate=0.05)
    variance = vectorized(problem, unit).arrays["blocks.1.first_norm.running_var"]
    assert not torch.allclose(variance[0], variance[2])


def test_a_diverging_model_touches_no_other(monkeypatch):
    from shrinkage.paths.engines.vectorizing import engine

    problem, unit = problem_of(ResNet, epochs=2)
    calm = vectorized(problem, unit)

    class Poisoned(engine.ModuleStack):
        def __init__(self, *args):
            super().__init__(*args)
            with torch.no_grad():
                self.parameters["stem.weight"][1] = torch.nan

    monkeypatch.setattr(engine, "ModuleStack", Poisoned)
    mixed = vectorized(problem, unit)
    assert torch.isnan(mixed.arrays["last.weight"][1]).any()
    for name, value in mixed.arrays.items():
        assert torch.equal(value[[0, 2]], calm.arrays[name][[0, 2]]), name


def test_a_stack_of_wrong_masks_is_seen(monkeypatch):
    from shrinkage.paths.engines.vectorizing import functional_forms

    problem, unit = problem_of(Encoder)
    forms = {
        own: form for own, form in functional_forms.STACKED.items() if own is not functional.dropout
    }
    monkeypatch.setattr("shrinkage.paths.engines.sequential.ALONE", {})
    monkeypatch.setattr("shrinkage.paths.engines.vectorizing.copies.STACKED", forms)
    with pytest.raises(AssertionError):
        assert_equal(vectorized(problem, unit), sequential(problem, unit), 1e-8)


def test_traits_say_what_a_step_shows():
    net, bag = traits_of(*problem_of(LeNet)), traits_of(*problem_of(Bag))
    assert net.draws
    assert not bag.draws
    assert net.repeats
    assert net.changing == bag.changing == ()
    norms = traits_of(*problem_of(ResNet)).changing
    assert "norm.running_mean" in norms
    assert "norm.num_batches_tracked" in norms
