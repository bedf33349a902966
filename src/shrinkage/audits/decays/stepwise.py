"""`own_decay`: how an optimizer decays weights of its own, in any framework.

Who uses this: people with an optimizer that they can begin anew; the functions of the same name in
`shrinkage.keras` and `shrinkage.optax`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from shrinkage.audits.decays.measure import measure_decays
from shrinkage.audits.decays.rule import MeasuredDecay
from shrinkage.audits.decays.walks import Walk
from shrinkage.checks import positive
from shrinkage.errors import InputError

Array = Any
Arrays = Mapping[str, Array]
BareStep = Callable[[Arrays, Arrays], Arrays]
Begin = Callable[[float, float], BareStep]

_SHRINK = 2.0**-5  # what a decoupled decay takes of a weight in a step, at least
_SHAPES = {"matrix": (8, 6), "vector": (8,)}


def own_decay(
    begin: Begin,
    weights: Arrays | None = None,
    *,
    learning_rate: float,
    gradients: Arrays | None = None,
    seed: int = 0,
) -> dict[str, MeasuredDecay]:
    """Return by which rule, and with which factor, an optimizer decays each array.

    Walks of eight steps with the same gradients g are compared: with decay 0, with decay λ, with
    λ·w in the gradient, and at half the learning rate. λ is large enough to be seen.

    Args:
        begin: `begin(weight_decay, learning_rate)` returns a function of a fresh optimizer,
            `step(weights, gradients)` → weights, mappings of name to array.
        weights: from where to walk; None: a random matrix and a random vector.
        learning_rate: of the walks.
        gradients: of every step; None: random ones.
        seed: of what is random.

    Returns:
        A `MeasuredDecay` by name: `rule`, `factor` (over lr·λ·w, or over λ·w in the gradient).

    Raises:
        InputError: other names or shapes in the gradients or after a step.

    >>> def begin(weight_decay, learning_rate):
    ...     def step(weights, gradients):  # decoupled, and independent of the learning rate
    ...         moved = {n: w - learning_rate * np.sign(gradients[n]) for n, w in weights.items()}
    ...         return {name: moved[name] - weight_decay * w for name, w in weights.items()}
    ...     return step
    >>> print(own_decay(begin, learning_rate=0.01)["matrix"])
    100 · lr · λ · w: the same at every learning rate
    """
    rate = positive(learning_rate, "learning_rate", "give the step size of the walks")
    random = np.random.default_rng(seed)

    def random_like(shape: tuple[int, ...]) -> Array:
        return random.normal(size=shape).astype(np.float32)  # every framework holds these

    start = weights or {name: random_like(shape) for name, shape in _SHAPES.items()}
    along = gradients or {name: random_like(np.shape(w)) for name, w in start.items()}
    walker = _Stepwise(begin, start, along, rate, seed)
    sizes = [
        float(np.linalg.norm(walker.gradients[name]) / np.linalg.norm(w))
        for name, w in walker.start.items()
        if np.any(w)
    ]
    decay = max([_SHRINK / rate, *sizes])
    return measure_decays(walker, dict.fromkeys(walker.start, decay), {})


class _Stepwise:
    """Walks with a step function; weights that a framework holds in float32 come back as such."""

    def __init__(
        self, begin: Begin, start: Arrays, gradients: Arrays, rate: float, seed: int
    ) -> None:
        self._begin, self._rate, self._seed = begin, rate, seed
        self.start = {name: np.array(w, dtype=np.float64) for name, w in start.items()}
        self.gradients = {
            name: np.array(_entry(gradients, name, w.shape, "gradients"), dtype=np.float64)
            for name, w in self.start.items()
        }
        self._roundings: dict[str, float] = {}

    def rate_of(self, name: str) -> float:  # noqa: ARG002
        """Return the learning rate."""
        return self._rate

    def rounding_of(self, name: str) -> float:
        """Return the machine epsilon of what the steps return."""
        return self._roundings[name]

    def walk(
        self,
        steps: int,
        *,
        in_groups: Mapping[str, float] | None = None,
        in_gradient: Mapping[str, float] | None = None,
        rate: float = 1.0,
        noisy: bool = False,
    ) -> Walk:
        """Return the weights along a walk of a fresh optimizer."""
        step = self._begin(max((in_groups or {}).values(), default=0.0), rate * self._rate)
        random = np.random.default_rng(self._seed + 1)
        joined = in_gradient or {}
        weights: Arrays = self.start
        visited: dict[str, list[Array]] = {name: [w] for name, w in self.start.items()}
        for _ in range(steps):
            wide = {name: walk[-1] for name, walk in visited.items()}
            along = {
                name: _noise_like(g, random) if noisy else g for name, g in self.gradients.items()
            }
            weights = step(weights, {n: g + joined.get(n, 0.0) * wide[n] for n, g in along.items()})
            for name, walk in visited.items():
                moved = np.asarray(_entry(weights, name, walk[0].shape, "what step returns"))
                self._roundings[name] = _epsilon(moved)
                walk.append(moved.astype(np.float64))
        return visited


def _entry(arrays: Arrays, name: str, shape: tuple[int, ...], word: str) -> Array:
    if name not in arrays or tuple(np.shape(arrays[name])) != shape:
        got = tuple(np.shape(arrays[name])) if name in arrays else "none"
        raise InputError(
            f"expected {word} to have {name} of shape {shape}, got {got}: keep the names and "
            "shapes of the weights"
        )
    return arrays[name]


def _epsilon(w: Array) -> float:
    return float(np.finfo(w.dtype).eps) if w.dtype.kind == "f" else 2.0**-7  # bfloat16 has no kind


def _noise_like(g: Array, random: np.random.Generator) -> Array:
    return random.normal(size=g.shape) * np.linalg.norm(g) / max(1, g.size) ** 0.5
