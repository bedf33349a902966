"""A stacked network computes what each of its models computes alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from shrinkage.paths.engines.architectures import MLP
from shrinkage.paths.engines.layers.registry import is_stackable
from shrinkage.paths.engines.losses import loss_and_gradient
from shrinkage.paths.engines.network import StackedNetwork


def squares(outputs, target, weight):
    """Return a loss without a derivative of its own."""
    del weight
    return ((outputs - target) ** 2).mean(dim=(1, 2))


NETWORKS = {
    "plain": lambda: [nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)],
    "no bias": lambda: [nn.Linear(4, 5, bias=False), nn.Tanh(), nn.Linear(5, 3, bias=False)],
    "norm first": lambda: [nn.LayerNorm(4), nn.Linear(4, 3)],
    "batch norm": lambda: [nn.Linear(4, 5), nn.BatchNorm1d(5), nn.SiLU(), nn.Linear(5, 3)],
    "layer norm": lambda: [nn.Linear(4, 5), nn.LayerNorm(5), nn.GELU(), nn.Linear(5, 3)],
    "flatten": lambda: [nn.Flatten(), nn.Linear(4, 3)],
    "tanh, sigmoid": lambda: [
        nn.Linear(4, 5),
        nn.Tanh(),
        nn.Sigmoid(),
        nn.Linear(5, 4),
        nn.Identity(),
        nn.ReLU(),
        nn.Linear(4, 3),
    ],
    "by autograd": lambda: [nn.Linear(4, 5), nn.ELU(), nn.LeakyReLU(), nn.SiLU(), nn.Linear(5, 3)],
    "gelu by tanh": lambda: [nn.Linear(4, 5), nn.GELU("tanh"), nn.BatchNorm1d(5), nn.Linear(5, 3)],
    "one layer": lambda: [nn.Linear(4, 3)],
    "past hidden layers": lambda: list(MLP((5, 6), skip=True).build(4, 3)),
    "past norms": lambda: list(MLP((5, 4), "gelu", norm="batch", skip=True).build(4, 3)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_gradients_and_buffers_are_those_of_single_models(name):
    torch.manual_seed(0)
    template = nn.Sequential(*NETWORKS[name]()).double()
    assert is_stackable(template)
    stack = StackedNetwork(template, 3)
    with torch.no_grad():
        for value in stack.parameters.values():
            value += 0.3 * torch.randn_like(value)
    singles = [nn.Sequential(*NETWORKS[name]()).double() for _ in range(3)]
    for model, single in enumerate(singles):
        single.load_state_dict(stack.state(model))
    x, target = torch.randn(7, 4).double(), torch.randn(3, 7).double()
    for _ in range(2):
        losses = stack.backward(
            x, lambda outputs: loss_and_gradient(squares, outputs, target, None)
        )
        for model, single in enumerate(singles):
            single.zero_grad()
            loss = ((single.train()(x).t() - target) ** 2).mean()
            loss.backward()
            torch.testing.assert_close(losses[model], loss.detach(), rtol=0, atol=1e-12)
            for key, parameter in single.named_parameters():
                gradient = stack.parameters[key].grad
                assert gradient is not None
                torch.testing.assert_close(gradient[model], parameter.grad, rtol=0, atol=1e-12)
    for model, single in enumerate(singles):
        outputs = single.eval()(x).t()
        torch.testing.assert_close(stack.forward(x)[model], outputs, rtol=0, atol=1e-12)
        for key, buffer in single.named_buffers():
            torch.testing.assert_close(stack.buffers[key][model], buffer, rtol=0, atol=1e-12)


def test_dropout_masks_are_shared_by_the_models_and_equal_to_torchs():
    torch.manual_seed(0)
    template = nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.5), nn.Linear(6, 2)).double()
    stack, x = StackedNetwork(template, 2), torch.randn(5, 4).double()
    stack.seed(1)
    outputs = stack.forward(x, training=True)
    torch.manual_seed(1)
    expected = template.train()(x).t()
    assert torch.equal(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[0], expected, rtol=0, atol=1e-12)


class Custom(nn.Linear):
    """A layer that the stack does not know."""


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(4, 3),
        nn.Sequential(Custom(4, 3)),
        nn.Sequential(nn.Linear(4, 3), nn.Softplus()),
        nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, affine=False)),
        nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3, elementwise_affine=False)),
        nn.Sequential(nn.Linear(4, 3).requires_grad_(False), nn.Linear(3, 3)),
        nn.Sequential(),
    ],
    ids=lambda module: repr(module).replace("\n", " ")[:40],
)
def test_what_is_not_known_is_not_stacked(module):
    assert not is_stackable(module)


def test_a_layer_used_twice_is_not_stacked():
    layer = nn.Linear(4, 4)
    assert not is_stackable(nn.Sequential(layer, nn.ReLU(), layer))


def test_a_trained_stack_keeps_its_weights_alone():
    flat = StackedNetwork(nn.Sequential(nn.Linear(4, 3)), 2).flat
    flat.narrow_down(["0.weight"])
    weights = flat.parameters["0.weight"].detach().clone()
    flat.release()
    assert torch.equal(flat.parameters["0.weight"], weights)
    assert flat.first.numel() == flat.second.numel() == 0
    assert flat.narrow_views("0.weight") is None
