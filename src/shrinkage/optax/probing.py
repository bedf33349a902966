"""Whether an optimizer moves as its metric says, asked of the optimizer itself.

Who uses this: `proximal`, once, when the state is made. A learning rate, an epsilon or a momentum
that differs from the optimizer's would solve another problem, silently. So the optimizer is run
for a few steps of constant gradients on small arrays in a tree like the model's, and each of its
steps must be minus the gradient times the metric's step size.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import optax

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.optax.metrics import Metric
from shrinkage.optax.parameters import named_leaves
from shrinkage.optax.rates import rate_at
from shrinkage.optax.states import read

# Small ones, which gradient clipping lets through and epsilons show in.
GRADIENTS = (1e-3, 1e-5, 1e-7, 1e-9)
STEPS = 3
MOST = 8  # parameters, the first ones: each takes some milliseconds
TOLERANCE = 1e-3


class _Step(NamedTuple):
    came: np.ndarray  # the update of each gradient
    expected: np.ndarray


def check_metric(
    inner: Any, params: Any, names: Iterable[str], *, metric: Metric | None, rate: Any
) -> None:
    """Refuse an optimizer that does not move as the metric and the learning rate say.

    Args:
        inner: the optimizer.
        params: the tree of parameters, of which only the structure is used.
        names: the parameters with proximal terms.
        metric: as given to `proximal`.
        rate: the learning rate, a number, a schedule or None.

    Raises:
        UnsupportedOptimizer: they differ; the message has both.

    Warns:
        UserWarning: the optimizer decays these parameters by itself.
    """
    names = tuple(names)
    with jax.ensure_compile_time_eval():
        judge = _Judge(inner, params, names, metric, rate)
        if not judge.can:
            return
        judge.compare(0.0)
        decay = judge.own_decay()
        if decay:
            warnings.warn(
                "the optimizer decays parameters by itself that also have terms "
                f"({', '.join(decay[:3])}{', …' if len(decay) > 3 else ''}), so they are penalised "
                "twice: make it with weight_decay=0, or drop the L2 term",
                UserWarning,
                stacklevel=4,
            )
        else:
            judge.compare(1.0)


class _Judge:
    """The optimizer on small arrays in a tree like the model's."""

    def __init__(
        self, inner: Any, params: Any, names: tuple[str, ...], metric: Metric | None, rate: Any
    ) -> None:
        self._inner, self._params, self._names = inner, params, names[:MOST]
        self._metric, self._rate = metric, rate
        self._run = jax.jit(self._trained)  # one compilation, not one for each operation

    @property
    def can(self) -> bool:
        """Whether all numbers are known; inside jax.jit those that are injected are not."""
        state = self._inner.init(self._tree(lambda leaf: _spread(0.0, leaf)))
        return not any(
            isinstance(leaf, jax.core.Tracer)
            for leaf in jax.tree.leaves((state, self._rate, vars(read(state, self._metric).metric)))
        )

    def compare(self, size: float) -> None:
        """Compare the steps of weights of one size with the metric's."""
        for name, step in self._steps(size, GRADIENTS):
            if not np.allclose(step.came, step.expected, rtol=TOLERANCE, atol=0):
                raise UnsupportedOptimizer(self._words(name, step))

    def own_decay(self) -> list[str]:
        """Return the parameters that weights of one lose something without a gradient."""
        steps = self._steps(1.0, (0.0,) * len(GRADIENTS))
        # Without an epsilon a gradient of 0 makes 0/0, which is no decay.
        came = ((name, np.nan_to_num(step.came)) for name, step in steps)
        return list(dict.fromkeys(name for name, moved in came if np.any(moved != 0)))

    def _steps(self, size: float, slopes: tuple[float, ...]) -> list[tuple[str, _Step]]:
        params = self._tree(lambda leaf: _spread(size, leaf))
        gradients = self._tree(lambda leaf: _spread(np.array(slopes), leaf))
        came, expected = self._run(params, gradients)
        return [
            (name, _Step(_flat(came[count][name]), _flat(expected[count][name])))
            for count in range(STEPS)
            for name in self._names
        ]

    def _trained(self, params: Any, gradients: Any) -> tuple[list[Any], list[Any]]:
        """Return what the optimizer adds in each step by name, and what the metric says."""
        state, buffer = self._inner.init(params), 0.0
        came, expected = [], []
        given = named_leaves(gradients)
        for count in range(STEPS):
            moves, state = self._inner.update(gradients, state, params)
            found = read(state, self._metric)
            rate = rate_at(self._rate, jnp.asarray(count), found.learning_rate)
            rate, buffer = found.metric.amplified(rate, buffer)
            scales = found.scales(self._names)
            came.append(named_leaves(moves))
            expected.append({name: -rate * scales[name] * given[name] for name in self._names})
        return came, expected

    def _tree(self, make: Callable[[Any], Any]) -> Any:
        leaves = [
            make(leaf) if name in self._names else optax.MaskedNode()
            for name, leaf in named_leaves(self._params).items()
        ]
        return jax.tree.unflatten(jax.tree.structure(self._params), leaves)

    def _words(self, name: str, step: _Step) -> str:
        worst = int(np.argmax(np.abs(step.came - step.expected) / np.abs(step.expected + 1e-300)))
        gradient = GRADIENTS[worst % len(GRADIENTS)]
        state = self._inner.init(self._tree(lambda leaf: _spread(0.0, leaf)))
        metric = read(state, self._metric).metric
        return (
            f"expected the optimizer to move {name} by {step.expected[worst]:.4g} at a gradient of "
            f"{gradient:g}, as {metric} and the learning rate say, came {step.came[worst]:.4g}: "
            f"give the learning rate and the numbers that it was made with, as in "
            f"metric={type(metric).__name__}(…), and leave clipping to a chain around proximal"
        )


def _spread(values: Any, leaf: Any) -> Any:
    """Return an array with as many axes as the leaf, four numbers at most."""
    dtype = jnp.promote_types(leaf.dtype, jnp.float32)
    if leaf.ndim == 0:
        return jnp.asarray(np.ravel(values)[0], dtype)
    shape = (len(GRADIENTS), *(1,) * (leaf.ndim - 1))
    return jnp.asarray(np.broadcast_to(np.asarray(values), (len(GRADIENTS),)).reshape(shape), dtype)


def _flat(array: Any) -> np.ndarray:
    return np.asarray(array, dtype=np.float64).ravel()
