"""Networks that hooks change, whose state is in odd places, or that are wrapped in something."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from shrinkage import ShrinkageRegressor, fit_path
from shrinkage.errors import InputError
from tests.paths.tables import table

QUICK = {"strengths": (1e-3, 1e-2), "folds": 2, "epochs": 3, "settle": 0, "dtype": "float64"}


def _layers(n_inputs: int, n_outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(n_inputs, 5), nn.ReLU(), nn.Linear(5, n_outputs))


def _forward_hook(model: Any) -> None:
    model[0].register_forward_hook(lambda *told: 5 * told[2])


def _before_forward(model: Any) -> None:
    model[2].register_forward_pre_hook(lambda _, args: (5 * args[0],))


def _gradient_hook(model: Any) -> None:
    model[0].weight.register_hook(lambda gradient: 0.1 * gradient.sign())


def _backward_hook(model: Any) -> None:
    model[2].register_full_backward_hook(lambda *told: (0 * told[1][0],))


def _own_forward(model: Any) -> None:
    hidden = model[0]
    plain = type(hidden).forward
    hidden.forward = lambda x: plain(hidden, x).detach()


def _pruned(model: Any) -> None:
    prune.l1_unstructured(model[0], "weight", amount=0.5)


@pytest.mark.parametrize(
    "change",
    [_forward_hook, _before_forward, _gradient_hook, _backward_hook, _own_forward, _pruned],
)
def test_layers_with_hooks_train_as_they_do_in_a_loop(change):
    X, y = table()

    def build(n_inputs, n_outputs):
        model = _layers(n_inputs, n_outputs)
        change(model)
        return model

    auto, alone = (
        fit_path(build, X, y, engine=engine, **QUICK) for engine in ("auto", "sequential")
    )
    assert auto.summary["engine"] != "stacked"
    np.testing.assert_allclose(auto.train_loss, alone.train_loss, rtol=1e-9)
    bare = fit_path(_layers, X, y, engine="sequential", **QUICK)
    assert np.abs(alone.train_loss - bare.train_loss).max() > 1e-4


def test_a_hook_that_masks_a_gradient_keeps_the_weights_behind_it():
    X, y = table()
    model: Any = _layers(X.shape[1], 1)
    mask = torch.zeros_like(model[0].weight)
    mask[0] = 1
    model[0].weight.register_hook(lambda gradient: gradient * mask.to(gradient.dtype))
    before = model[0].weight.detach().clone().double()
    trained: Any = fit_path(model, X, y, **QUICK).model("unregularized")
    after = trained[0].weight.detach()
    assert torch.equal(before[1:], after[1:])
    assert not torch.equal(before[0], after[0])


class Centred(nn.Module):
    """A linear layer behind a running mean, which is kept as `kind` says."""

    def __init__(self, n_inputs: int, n_outputs: int, kind: str) -> None:
        super().__init__()
        self.last = nn.Linear(n_inputs, n_outputs)
        self.mean: torch.Tensor
        mean = torch.full((n_inputs,), 0.5)
        if kind == "attribute":
            self.mean = mean
        else:
            self.register_buffer("mean", mean, persistent=kind == "kept")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * x.detach().abs().mean(0))
        return self.last(x - self.mean.to(x.dtype))


class Warmed(nn.Module):
    """A second layer comes in step by step, as a plain number counts."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(n_inputs, n_outputs), nn.Linear(n_inputs, n_outputs)
        self.steps = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        self.steps += self.training
        return self.one(x) + min(1.0, self.steps / 50) * self.two(x)


@pytest.mark.parametrize("engine", ["auto", "sequential"])
@pytest.mark.parametrize(
    ("kind", "says"), [("attribute", "mean"), ("buffer", "mean"), ("", "steps")]
)
def test_state_that_would_be_lost_is_refused_by_name(kind, says, engine):
    X, y = table()
    build = (lambda i, o: Centred(i, o, kind)) if kind else Warmed
    with pytest.raises(InputError, match=rf"state_dict.* {says}: .*register_buffer"):
        fit_path(build, X, y, engine=engine, **QUICK)
    with pytest.raises(InputError, match=f"{says}: "):
        ShrinkageRegressor(build, engine=engine, epochs=1).fit(X, y)
    kept = fit_path(lambda i, o: Centred(i, o, "kept"), X, y, engine=engine, **QUICK)
    model: Any = kept.model("best")
    assert (model.mean - 0.5).abs().max() > 0.05


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, lambda model: torch.compile(model, backend="eager")]
)
def test_wrappers_that_only_run_a_network_are_taken_off(wrap):
    X, y = table()
    torch.manual_seed(0)
    model = _layers(X.shape[1], 1)
    wrapped, bare = (fit_path(own, X, y, **QUICK) for own in (wrap(model), model))
    np.testing.assert_array_equal(wrapped.fold_scores, bare.fold_scores)
    assert wrapped.best.total_weights == bare.best.total_weights == X.shape[1] * 5 + 5


class Waves(nn.Module):
    """Complex weights."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.waves = nn.Parameter(torch.randn(n_inputs, n_outputs, dtype=torch.cfloat))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        return (x.to(self.waves.dtype) @ self.waves).abs()


def test_complex_weights_are_refused_and_not_halved():
    X, y = table()
    with pytest.raises(InputError, match=r"complex64 in waves.*view_as_complex"):
        fit_path(Waves, X, y, **QUICK)


@pytest.mark.parametrize("engine", ["auto", "sequential"])
def test_lazy_layers_are_those_that_they_become(engine):
    X, y = table()
    lazy = [nn.LazyLinear(5), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(1)]
    plain = [nn.Linear(X.shape[1], 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 1)]
    results = [
        fit_path(lambda *_, layers=layers: nn.Sequential(*layers), X, y, engine=engine, **QUICK)
        for layers in (lazy, plain)
    ]
    one, other = (result.model("best").state_dict() for result in results)
    assert [tuple(value.shape) for value in one.values()] == [
        tuple(value.shape) for value in other.values()
    ]
    assert one["1.num_batches_tracked"] == other["1.num_batches_tracked"] > 0
    assert all(np.isfinite(results[0].train_loss).ravel())


class OneMapping(nn.Module):
    """Called with one mapping of its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.LazyLinear(1), nn.LazyLinear(1)

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the outputs."""
        return self.one(batch["one"]) + self.two(batch["two"])


class TwoInputs(OneMapping):
    """Called with its inputs by name."""

    def forward(self, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the outputs."""
        return super().forward({"one": one, "two": two})


def test_inputs_by_name_are_one_mapping_where_a_network_has_not_their_names():
    X, y = table()
    inputs = {"one": X[:, :2], "two": X[:, 2:]}
    mapping, names = (
        fit_path(lambda *_, own=own: own(), inputs, y, **QUICK) for own in (OneMapping, TwoInputs)
    )
    np.testing.assert_array_equal(mapping.fold_scores, names.fold_scores)
    np.testing.assert_array_equal(mapping.predict(inputs), names.predict(inputs))


class NoEmptyBatch(nn.Module):
    """Fails on no rows, as packed sequences do."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.last = nn.Linear(n_inputs, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        if not len(x):
            raise RuntimeError("no rows")
        return self.last(x)


def test_no_network_is_called_with_no_rows():
    X, y = table()
    result = fit_path(NoEmptyBatch, X, y, test_size=0, **QUICK)
    assert result.best.test_score is None


def _as_it_is(model: Any) -> Any:
    return model


def _made(model: Any) -> Any:
    return lambda *_: model


def _within(model: Any) -> Any:
    return nn.Sequential(model, nn.Linear(1, 1))


@pytest.mark.parametrize("way", [_as_it_is, _made, _within])
def test_torchscript_is_refused_since_no_copy_of_it_trains(way):
    X, y = table()
    with pytest.warns(DeprecationWarning, match="trace"):
        model: Any = torch.jit.trace(nn.Linear(X.shape[1], 1), torch.zeros(2, X.shape[1]))
    for rows in (X, (X,)):
        with pytest.raises(InputError, match=r"TorchScript.*give the module"):
            fit_path(way(model), rows, y, **QUICK)
