"""Keras models in a loop of PyTorch, with an optimizer of PyTorch: names, roles and axes."""

from __future__ import annotations

import keras
import numpy as np
import torch
from torch import nn

from shrinkage import L1, GroupLasso, layer
from shrinkage.keras import describe as keras_describe
from shrinkage.pytorch import describe, penalty_loss, regularize
from tests.keras.checks.layers import network
from tests.keras.checks.networks import hidden, regression

Place = tuple[str, str, int | None, int | None]


def _places(model: nn.Module) -> dict[str, Place]:
    return {
        info.name: (info.role, info.kind, info.input_axis, info.output_axis)
        for info, _ in describe(model)
    }


def check_names_roles_and_axes_are_those_of_keras() -> None:
    for model in (network(), hidden("sgd")):
        ours = [(info, tensor) for info, tensor in describe(model)]
        theirs = keras_describe(model)
        assert [info.name for info, _ in ours] == [info.name for info, _ in theirs]
        for (own, tensor), (info, variable) in zip(ours, theirs, strict=True):
            assert tensor is variable.value
            assert (own.role, own.kind, own.shape) == (info.role, info.kind, info.shape)
            assert (own.input_axis, own.output_axis) == (info.input_axis, info.output_axis)


def check_parameters_have_the_names_of_pytorch_too() -> None:
    model = hidden("sgd")
    by_name = dict(model.named_parameters())
    for info, tensor in describe(model):
        (alias,) = info.aliases
        assert by_name[alias] is tensor


def check_groups_lie_along_the_inputs() -> None:
    model = hidden("sgd")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attachment = regularize(optimizer, model, (0.05 * GroupLasso("input")).on(layer("first")))
    kernel = model.get_layer("first").kernel.value
    start = kernel.detach().numpy().copy()
    expected = 0.05 * np.sqrt(6) * np.linalg.norm(start, axis=1).sum()
    np.testing.assert_allclose(list(attachment.value().values()), expected, rtol=1e-5)
    x, y = (torch.tensor(array) for array in regression())
    for _ in range(100):
        optimizer.zero_grad()
        (model(x) - y).square().mean().backward()
        optimizer.step()
    gone = (kernel == 0).all(1)
    assert 0 < gone.sum() < 8
    assert not (kernel[~gone] == 0).any()


def check_keras_layers_inside_a_module_and_modules_inside_keras() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(5, 4)
            wrapped = keras.layers.TorchModuleWrapper(nn.Linear(3, 2), name="wrapped")
            dense = keras.layers.Dense(3, name="dense")
            self.net = keras.Sequential([keras.Input((4,)), dense, wrapped])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(self.head(x))

    model = Mixed()
    places = _places(model)
    assert len(places) == 6
    assert places["head.weight"] == ("weight", "linear", 1, 0)
    assert places["net.dense.kernel"] == ("weight", "linear", 0, 1)
    (inner,) = (name for name in places if name.endswith("module.weight"))
    assert places[inner] == ("weight", "linear", 1, 0)
    assert model(torch.ones(2, 5)).shape == (2, 2)
    terms = 0.5 * L1()
    weights = [tensor for info, tensor in describe(model) if info.role == "weight"]
    expected = 0.5 * sum(float(w.detach().abs().sum()) for w in weights)
    np.testing.assert_allclose(float(penalty_loss(model, terms).detach()), expected, rtol=1e-6)


def check_arrays_that_another_library_laid_out_have_no_axes_in_keras() -> None:
    wrapped = keras.layers.TorchModuleWrapper(nn.Linear(3, 2), name="wrapped")
    model = keras.Sequential([keras.Input((3,)), wrapped])
    kernels = [info for info, _ in keras_describe(model) if info.role == "weight"]
    assert [(info.input_axis, info.output_axis) for info in kernels] == [(None, None)]


def check_tied_and_frozen_layers() -> None:
    shared = keras.layers.Dense(3, name="shared")
    inputs = keras.Input((3,))
    inner = keras.Model(inputs, shared(inputs), name="inner")
    model = keras.Model(inputs, keras.layers.Dense(1, name="last")(shared(inner(inputs))))
    model.get_layer("last").trainable = False
    infos = {info.name: info for info, _ in describe(model)}
    assert set(infos["inner.shared.kernel"].aliases) > {"shared.kernel"}
    assert [infos[f"last.{name}"].trainable for name in ("kernel", "bias")] == [False, False]
