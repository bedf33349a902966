"""The stacked engine against the sequential one, model by model."""

from __future__ import annotations

import pytest
import torch

from shrinkage.paths.engines.base import Trained
from shrinkage.paths.engines.sequential import SequentialEngine
from shrinkage.paths.engines.stacked import StackedEngine
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso

MODELS = [
    "mlp:8,5",
    "mlp:8",
    "mlp:8,6,5;activation=gelu",
    "mlp:8,5;activation=tanh;norm=layer",
    "mlp:8,5;dropout=0.3",
    "mlp:8,5;norm=batch;dropout=0.2",
]
PENALTIES = [L1(), L2(), ElasticNet(0.3), GroupLasso(per="input"), GroupLasso(per="output")]
EPOCHS_FOR_500_STEPS = 72


def nothing(_: int) -> None:
    """Take no notice of progress."""


def both(make, *args, **kwargs) -> tuple[Trained, Trained]:
    problem, unit = make(*args, **kwargs)
    return (
        StackedEngine().train(problem, unit, nothing),
        SequentialEngine().train(problem, unit, nothing),
    )


def assert_equal(stacked: Trained, sequential: Trained, tolerance: float) -> None:
    assert stacked.arrays.keys() == sequential.arrays.keys()
    for name, value in stacked.arrays.items():
        torch.testing.assert_close(
            value,
            sequential.arrays[name],
            rtol=0,
            atol=tolerance,
            msg=lambda m, n=name: f"{n}: {m}",
        )


@pytest.mark.parametrize("model", MODELS)
def test_every_architecture_agrees_in_float64_after_500_steps(make, model):
    stacked, sequential = both(make, model, epochs=EPOCHS_FOR_500_STEPS)
    assert_equal(stacked, sequential, 1e-8)
    assert stacked.curves is not None
    assert sequential.curves is not None
    for name in ("epochs", "train_loss", "validation_loss", "validation_score"):
        left, right = getattr(stacked.curves, name), getattr(sequential.curves, name)
        torch.testing.assert_close(torch.tensor(left), torch.tensor(right), rtol=0, atol=1e-8)


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
@pytest.mark.parametrize("update", ["proximal", "decoupled", "gradient", "loss"])
def test_every_penalty_and_update_agrees_in_float64(make, penalty, update):
    stacked, sequential = both(make, "mlp:8,5", penalty, update=update, epochs=15)
    assert_equal(stacked, sequential, 1e-8)
    zeros = [(value == 0).sum() for name, value in stacked.arrays.items() if "weight" in name]
    expected = [(sequential.arrays[n] == 0).sum() for n in stacked.arrays if "weight" in n]
    assert zeros == expected


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_sample_weights_agree(make, task):
    stacked, sequential = both(make, "mlp:8", task=task, weighted=True)
    assert_equal(stacked, sequential, 1e-8)


def test_float32_agrees_after_10_steps(make):
    stacked, sequential = both(make, "mlp:8,5", dtype=torch.float32, epochs=1, rows=16 * 10 + 40)
    assert_equal(stacked, sequential, 1e-6)


def test_proximal_l1_makes_exact_zeros_and_strength_zero_makes_none(make):
    problem, unit = make("mlp:8,5", epochs=30)
    trained = StackedEngine().train(problem, unit, nothing)
    zeros = (trained.arrays["0.weight"] == 0).flatten(1).sum(1)
    assert zeros[0] == 0
    assert zeros[-1] > zeros[1] >= 0
    assert not torch.signbit(trained.arrays["0.weight"][trained.arrays["0.weight"] == 0]).any()


@pytest.mark.parametrize("update", ["proximal", "decoupled", "gradient", "loss"])
@pytest.mark.parametrize("engine", [StackedEngine(), SequentialEngine()], ids=lambda e: e.name)
def test_every_update_shrinks_the_weights(make, update, engine):
    problem, unit = make("mlp:8,5", L2(), update=update, epochs=30)
    norms = engine.train(problem, unit, nothing).arrays["0.weight"].flatten(1).norm(dim=1)
    assert (norms.diff() < 0).all()
    assert norms[-1] < 0.97 * norms[0]


def test_strength_zero_in_a_stack_is_the_unregularized_run(make):
    problem, unit = make("mlp:8,5", strengths=(0.0, 0.5))
    alone_problem, alone = make("mlp:8,5", strengths=(0.0,))
    together = StackedEngine().train(problem, unit, nothing)
    single = SequentialEngine().train(alone_problem, alone, nothing)
    for name, value in together.arrays.items():
        torch.testing.assert_close(value[0], single.arrays[name][0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("penalty", [L1(), GroupLasso(per="input")], ids=repr)
def test_a_diverging_model_touches_no_other(make, penalty, monkeypatch):
    from shrinkage.paths.engines import stacked

    problem, unit = make("mlp:8,5;norm=batch", penalty, epochs=5)
    calm = StackedEngine().train(problem, unit, nothing)

    class Poisoned(stacked.StackedNetwork):
        def __init__(self, module, count):
            super().__init__(module, count)
            with torch.no_grad():
                self.parameters["0.weight"][1] = torch.nan
                self.parameters["3.weight"][2] = torch.inf

    monkeypatch.setattr(stacked, "StackedNetwork", Poisoned)
    mixed = StackedEngine().train(problem, unit, nothing)
    assert torch.isnan(mixed.arrays["0.weight"][1]).all()
    for name, value in mixed.arrays.items():
        assert torch.equal(value[[0, 3]], calm.arrays[name][[0, 3]]), name


def test_training_twice_gives_the_same_weights(make):
    problem, unit = make("mlp:8,5;dropout=0.3")
    first = StackedEngine().train(problem, unit, nothing)
    second = StackedEngine().train(problem, unit, nothing)
    for name, value in first.arrays.items():
        assert torch.equal(value, second.arrays[name]), name


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_steps_that_a_gpu_captures_are_the_steps_of_the_loop(make, task, monkeypatch):
    from shrinkage.paths.engines import moving, stacked

    problem, unit = make("mlp:8,5;norm=batch", ElasticNet(0.3), task=task, epochs=6)
    looped = StackedEngine().train(problem, unit, nothing)
    monkeypatch.setattr(moving, "is_resident", lambda _: True)
    kinds = []

    def noting(*args):
        kinds.append(type(steps := stacked_steps(*args)).__name__)
        return steps

    stacked_steps = stacked.steps_of
    monkeypatch.setattr(stacked, "steps_of", noting)
    resident = StackedEngine().train(problem, unit, nothing)
    assert kinds == ["ResidentSteps"]
    assert_equal(resident, looped, 1e-10)
    assert looped.curves is not None
    assert resident.curves is not None
    torch.testing.assert_close(
        torch.tensor(resident.curves.train_loss), torch.tensor(looped.curves.train_loss)
    )
