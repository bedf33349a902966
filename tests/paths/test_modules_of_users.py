"""Modules as people have them: tied weights, buffers, shared layers, and those of Keras."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from shrinkage import ShrinkageRegressor, fit_path
from shrinkage.errors import InputError
from shrinkage.paths import load_result
from shrinkage.paths.engines.architectures import parse_architecture
from shrinkage.paths.engines.layers.registry import is_stackable
from shrinkage.paths.running.runners.threads import ThreadRunner
from tests.paths.tables import table


class Tied(nn.Module):
    """An autoencoder's layer and its transpose, an embedding that is tied, and odd buffers."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(n_inputs, n_inputs)
        self.again = nn.Linear(n_inputs, n_inputs)
        self.again.weight = self.first.weight
        self.levels = nn.Embedding(3, n_inputs)
        self.projection = nn.Linear(n_inputs, 3, bias=False)
        self.projection.weight = self.levels.weight
        self.last = nn.Linear(3, n_outputs)
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("scratch", torch.ones(1), persistent=False)

    def get_extra_state(self) -> dict:
        """Return what is no tensor."""
        return {"note": 1}

    def set_extra_state(self, state: dict) -> None:
        """Take it back."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        return self.last(self.projection(self.again(torch.relu(self.first(x))))) * self.scale


class TwoNames(nn.Module):
    """A linear layer and a norm, each kept under two names."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(n_inputs, 4, bias=False), nn.BatchNorm1d(4)
        self.body = nn.Sequential(self.first, self.norm, nn.ReLU())
        self.last = nn.Linear(4, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        return self.last(self.body(x))


def test_layers_of_two_names_train_together_as_they_do_alone():
    X, y = table()
    options = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 2}
    results = [
        fit_path(TwoNames, X, y, engine=engine, **options)
        for engine in ("vectorized", "sequential")
    ]
    one, other = (result.model("best").state_dict() for result in results)
    assert (one["norm.running_mean"] != 0).all()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(one["norm.running_mean"], one["body.1.running_mean"])


def test_tied_weights_train_and_come_back(tmp_path):
    X, y = table()
    options = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 1}
    result = fit_path(Tied, X, y, store=tmp_path / "run", **options)
    model = result.model("best")
    assert isinstance(model, Tied)
    assert model.first.weight is model.again.weight
    state = load_file(tmp_path / "run" / "model.safetensors")
    names = {key.removeprefix("best.") for key in state if key.startswith("best.")}
    assert names == {name for name, v in model.state_dict().items() if torch.is_tensor(v)}
    again = load_result(tmp_path / "run")
    with pytest.raises(InputError):
        again.model("best")  # the name of a local class cannot be imported
    np.testing.assert_array_equal(result.predict(X), result.predict(X))
    total = sum(v.numel() for n, v in model.named_parameters() if n.endswith("weight"))
    assert result.best.total_weights <= total


def test_layers_that_share_a_weight_are_not_stacked_and_train():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    tied = nn.Sequential(first, nn.ReLU(), second, nn.Linear(4, 1))
    assert not is_stackable(tied)
    assert is_stackable(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1)))
    X, y = table()
    result = fit_path(tied, X, y, strengths=(1e-3, 1e-2), folds=2, epochs=1)
    state = result.model().state_dict()
    assert torch.equal(state["0.weight"], state["2.weight"])


def slowly_made(n_inputs: int, n_outputs: int) -> nn.Module:
    """Return a network between whose draws other folds go on."""
    first = nn.Linear(n_inputs, 4)
    time.sleep(0.1)
    return nn.Sequential(Doubled(), first, nn.ReLU(), nn.Linear(4, n_outputs))


class Doubled(nn.Module):
    """No layer that is stacked by name."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return twice the inputs."""
        return 2 * x


def noisy(x: torch.Tensor) -> torch.Tensor:
    """Return inputs with noise, between whose draws other folds go on."""
    first = torch.randn(x.shape, dtype=x.dtype)
    time.sleep(0.005)
    return x + 0.1 * (first + torch.randn(x.shape, dtype=x.dtype))


@pytest.mark.parametrize("own", [{}, {"augment": noisy}], ids=["a network", "an augmentation"])
def test_folds_side_by_side_draw_what_they_draw_alone(monkeypatch, own):
    X, y = table()
    options = {"strengths": (1e-3, 1e-2), "folds": 4, "epochs": 6, "engine": "vectorized", **own}
    results = []
    for most in (1, 2):
        workers = lambda _, engine, most=most: most if engine.side_by_side else 1  # noqa: E731
        monkeypatch.setattr(ThreadRunner, "workers", workers)
        results.append(fit_path(slowly_made, X, y, dtype="float64", **options))
    alone, together = results
    np.testing.assert_array_equal(alone.train_loss, together.train_loss)
    np.testing.assert_array_equal(alone.validation_loss, together.validation_loss)


def keras_like(base: type) -> type:
    """Return a class as Keras' own are, without importing Keras."""
    return type("Functional", (base,), {"__module__": "keras.src.models.functional"})


@pytest.mark.parametrize("base", [object, nn.Module], ids=["any backend", "torch backend"])
def test_keras_models_are_refused_before_training(base):
    model = keras_like(base)()
    with pytest.raises(InputError) as error:
        parse_architecture(model)
    assert "\n" not in str(error.value)
    assert "shrinkage.keras.regularize" in str(error.value)
    with pytest.raises(InputError, match="Functional"):
        parse_architecture(type(model))
    with pytest.raises(InputError, match="Functional"):
        parse_architecture(lambda *_: model).build(4, 1)


class Turned(nn.Linear):
    """A linear layer whose sizes come in another order."""

    def __init__(self, n_outputs: int, n_inputs: int) -> None:
        super().__init__(n_inputs, n_outputs)


def test_sizes_are_given_by_name_where_a_factory_has_their_names():
    def named(*, n_inputs, n_outputs, width=3):
        return nn.Sequential(nn.Linear(n_inputs, width), nn.Linear(width, n_outputs))

    for factory in (Turned, named):
        built = parse_architecture(factory).build(5, 2)
        assert built(torch.zeros(1, 5)).shape == (1, 2)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_gradients_that_the_caller_has_turned_off_are_recorded_all_the_same(off):
    X, y = table()
    small = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 2}
    for model in (Turned, "mlp:3"):
        expected = fit_path(model, X, y, **small)
        with off():
            result = fit_path(model, X, y, **small)
            one = ShrinkageRegressor(model, epochs=2).fit(X, y).partial_fit(X, y)
        assert np.array_equal(result.fold_scores, expected.fold_scores)
        assert np.isfinite(one.predict(X)).all()


def test_a_result_is_shown_in_a_line():
    result = fit_path("mlp:3", *table(), strengths=(1e-3, 1e-2), folds=2, epochs=1)
    assert re.fullmatch(
        r"PathRun\(data, mlp:3, L1\(\), 2 strengths: best [\d.e-]+, one_standard_error [\d.e-]+\)",
        repr(result),
    )


def test_a_run_of_a_function_of_the_program_says_that_its_name_brings_nothing_back(tmp_path):
    X, y = table()
    small = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 1}
    makers = {
        "local": lambda *sizes: nn.Linear(*sizes),
        "class": nn.Linear,
        "module": nn.Linear(4, 1),
    }
    for name, model in makers.items():
        fit_path(model, X, y, store=tmp_path / name, **small)
        loaded = load_result(tmp_path / name)
        with pytest.raises(InputError, match=r"its name brings back.*package\.module:function"):
            loaded.predict(X)
