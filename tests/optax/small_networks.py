"""One small network a sum of terms, all in one tree, trained by torch and by optax alike.

The kernels are (in, out) as in Flax, those of torch (out, in): a group per input lies along
another axis in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from torch import nn

from shrinkage import L1, L2, ElasticNet, GroupLasso, Terms, layer
from shrinkage.optax import AdagradMetric, AdamMetric, OptaxMetric, RMSpropMetric, SGDMetric
from shrinkage.pytorch import regularize

STEPS = 200
SIZES = (6, 5, 3)
RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(40, 6)), RANDOM.normal(size=(40, 3))
START = {
    "first": {"kernel": 0.5 * RANDOM.normal(size=SIZES[:2]), "bias": np.zeros(5)},
    "second": {"kernel": 0.5 * RANDOM.normal(size=SIZES[1:]), "bias": np.zeros(3)},
}
SUMS: dict[str, Terms] = {
    "l1": Terms((0.05 * L1(),)),
    "l2": Terms((0.1 * L2(),)),
    "elastic-net": Terms((0.1 * ElasticNet(0.6),)),
    "group-input": Terms((0.01 * GroupLasso(per="input"),)),
    "group-output": Terms((0.01 * GroupLasso(per="output"),)),
    "sparse-group-ridge": 0.004 * L1() + 0.006 * GroupLasso(per="input") + 0.02 * L2(),
    "around": Terms((0.02 * L1(),)),
}


@dataclass(frozen=True)
class Pair:
    """The same optimizer in torch and in optax, and the metric that says so."""

    kind: type[torch.optim.Optimizer]
    options: dict[str, Any]
    ours: optax.GradientTransformation
    rate: float
    metric: OptaxMetric | None = None


def _pair(
    kind: Any, ours: Any, rate: float, metric: OptaxMetric | None = None, **options: Any
) -> Pair:
    return Pair(kind, {"lr": rate, **options}, ours, rate, metric)


_O = torch.optim
# RMSprop's step near an optimum depends little on the gradient until that is below epsilon: with a
# small one rounding grows from step to step, in both libraries.
OPTIMIZERS: dict[str, Pair] = {
    "sgd": _pair(_O.SGD, optax.sgd(0.1), 0.1),
    "momentum": _pair(_O.SGD, optax.sgd(0.05, 0.8), 0.05, SGDMetric(0.8), momentum=0.8),
    "nesterov": _pair(
        _O.SGD,
        optax.sgd(0.05, 0.8, nesterov=True),
        0.05,
        SGDMetric(0.8, nesterov=True),
        momentum=0.8,
        nesterov=True,
    ),
    "adam": _pair(_O.Adam, optax.adam(0.02), 0.02),
    "adam-eps": _pair(
        _O.Adam,
        optax.adam(0.02, b2=0.99, eps=1e-3),
        0.02,
        AdamMetric(b2=0.99, eps=1e-3),
        betas=(0.9, 0.99),
        eps=1e-3,
    ),
    "adamw": _pair(_O.AdamW, optax.adamw(0.02, weight_decay=0.0), 0.02, weight_decay=0.0),
    "rmsprop": _pair(
        _O.RMSprop,
        optax.rmsprop(0.01, eps=1e-1, eps_in_sqrt=False, momentum=0.5),
        0.01,
        RMSpropMetric(eps=1e-1, eps_in_sqrt=False, momentum=0.5),
        alpha=0.9,
        eps=1e-1,
        momentum=0.5,
    ),
    "rmsprop-centered": _pair(
        _O.RMSprop,
        optax.rmsprop(0.01, eps=1e-1, eps_in_sqrt=False, centered=True),
        0.01,
        RMSpropMetric(eps=1e-1, eps_in_sqrt=False),
        alpha=0.9,
        eps=1e-1,
        centered=True,
    ),
    "adagrad": _pair(
        _O.Adagrad,
        optax.adagrad(0.1, eps=0.0),
        0.1,
        AdagradMetric(eps=0.0),
        eps=0.0,
        initial_accumulator_value=0.1,
    ),
}


def _number(name: str) -> str:
    return name.replace("-", "_")


def all_terms(transposed: bool) -> Terms:
    """Return every sum on its own network; `transposed` gives references in torch's layout."""
    summed = Terms(())
    for name, terms in SUMS.items():
        own = terms
        if name == "around":
            own = own.around(_reference(transposed))
        summed = summed + own.on(layer(_number(name)))
    return summed


def _reference(transposed: bool) -> dict[str, np.ndarray]:
    word = "weight" if transposed else "kernel"
    kernels = {place: 0.3 + START[place]["kernel"] for place in START}
    return {
        f"around.{place}.{word}": kernel.T.copy() if transposed else kernel
        for place, kernel in kernels.items()
    }


def trees() -> dict[str, Any]:
    """Return the parameters of every network as JAX arrays."""
    return {_number(name): jax.tree.map(jnp.asarray, START) for name in SUMS}


def loss(params: dict[str, Any]) -> Any:
    """Return the sum of the networks' losses, so that each is trained by its own."""
    total = 0.0
    for network in params.values():
        hidden = jnp.tanh(X @ network["first"]["kernel"] + network["first"]["bias"])
        out = hidden @ network["second"]["kernel"] + network["second"]["bias"]
        total = total + 0.5 * jnp.square(out - Y).sum() / len(X)
    return total


def train(optimizer: Any, params: Any, objective: Any = loss, steps: int = STEPS) -> Any:
    """Return the parameters after so many steps, all of them compiled as one."""

    def step(carried: Any, _: Any) -> tuple[Any, None]:
        params, state = carried
        updates, state = optimizer.update(jax.grad(objective)(params), state, params)
        return (optax.apply_updates(params, updates), state), None

    run = jax.jit(lambda carried: jax.lax.scan(step, carried, length=steps)[0])
    return run((params, optimizer.init(params)))[0]


class Network(nn.Module):
    """The same network in torch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 5).double(), nn.Linear(5, 3).double()
        for place, made in (("first", self.first), ("second", self.second)):
            made.weight.data = torch.tensor(START[place]["kernel"].T.copy())
            made.bias.data = torch.tensor(START[place]["bias"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs."""
        return self.second(torch.tanh(self.first(x)))


def torch_train(pair: Pair, update: str) -> dict[str, dict[str, np.ndarray]]:
    """Return the kernels, (in, out), of every network after the same steps in torch."""
    model = nn.ModuleDict({_number(name): Network() for name in SUMS})
    optimizer = pair.kind(model.parameters(), **pair.options)
    attachment = regularize(optimizer, model, all_terms(transposed=True), update)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    for _ in range(STEPS):
        optimizer.zero_grad()
        total = sum(0.5 * (made(x) - y).square().sum() / len(x) for made in model.values())
        (total + attachment.loss() if update == "loss" else total).backward()
        optimizer.step()
    return {
        name: {
            place: getattr(model[_number(name)], place).weight.detach().numpy().T for place in START
        }
        for name in SUMS
    }


def kernels(params: Any, name: str) -> dict[str, np.ndarray]:
    """Return the kernels of one network."""
    network = params[_number(name)]
    return {place: np.asarray(network[place]["kernel"]) for place in START}
