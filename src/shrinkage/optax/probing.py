"""Whether an optimizer moves as its metric says, asked of the optimizer itself.

Who uses this: `proximal`, once, when the state is made. A learning rate, an epsilon or a momentum
that differs from the optimizer's would solve another problem, silently. So the optimizer is run
for a few steps of constant gradients on small arrays in a tree like the model's, and each of its
steps must be minus the gradient times the metric's step size: of every penalised parameter, as
masks may give each its own factor, and after many steps, as schedules may move late. It is run
eagerly: to compile that for hundreds of parameters takes longer than to run it.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from shrinkage.errors import OwnDecayWarning, UnsupportedOptimizer
from shrinkage.optax.metrics import OptaxMetric
from shrinkage.optax.parameters import named_leaves
from shrinkage.optax.rates import rate_at
from shrinkage.optax.schedules import LATER, after, has_schedule
from shrinkage.optax.stand_ins import StandIns, stand_ins_for
from shrinkage.optax.states import INSTEAD, others_of, read

# Small ones, which gradient clipping lets through and epsilons show in.
GRADIENTS = (1e-3, 1e-5, 1e-7, 1e-9)
NO_GRADIENTS = (0.0,) * len(GRADIENTS)
TOLERANCE = 1e-3
LEAST = 1e-30  # moves below it are none: float32 may round them to 0


class _Step(NamedTuple):
    """What a step added to each parameter, what the metric says it adds, and what comes after."""

    got: dict[str, Any]
    expected: dict[str, Any]
    state: Any
    buffer: Any


def check_metric(
    inner: Any,
    params: Any,
    names: Iterable[str],
    *,
    metric: OptaxMetric | None,
    rate: Any,
    squared: Collection[str] = (),
) -> None:
    """Refuse an optimizer that does not move as the metric and the learning rate say.

    Args:
        inner: the optimizer.
        params: the tree of parameters, of which only structure and shapes are used.
        names: the parameters with proximal terms.
        metric: as given to `proximal`.
        rate: the learning rate, a number, a schedule or None.
        squared: the parameters with L2 among their terms.

    Raises:
        UnsupportedOptimizer: they differ; the message has both.

    Warns:
        OwnDecayWarning: the optimizer decays parameters by itself that L2 decays, too.
    """
    names = tuple(names)
    with jax.ensure_compile_time_eval():
        state = inner.init(StandIns(params, names).tree(0.0))
        reading = read(state, metric)  # refuses by name what it does not know
        first_rate = rate_at(rate, jnp.asarray(0), reading.learning_rate)
        if not _is_known((state, vars(reading.metric), first_rate)):
            return
        try:
            stand_ins = stand_ins_for(inner, params, names)
        except TypeError as error:
            raise UnsupportedOptimizer(
                "expected an optimizer that steps by gradients, state and parameters for proximal "
                f"terms, got one that asks for more ({str(error).rpartition('.')[2]}): put "
                "decoupled(terms, learning_rate) last in a chain, or gradient(terms) first"
            ) from None
        state = inner.init(stand_ins.tree(0.0))
        judge = _Judge(inner, state, stand_ins, names, metric, rate)
        judge.compare(0.0, reading.metric.probed)
        if callable(rate) or has_schedule(state):
            judge.compare_later()
        decay = judge.own_decay()
        judge.compare(1.0, 1, but=decay)
        twice = [name for name in decay if name in squared]
        if twice:
            warnings.warn(_twice_words(twice), OwnDecayWarning, stacklevel=3)


@dataclass(frozen=True, eq=False)
class _Judge:
    """The optimizer and its state on stand-ins, and what it is said to be."""

    inner: Any
    state: Any
    stand_ins: StandIns
    names: tuple[str, ...]
    metric: OptaxMetric | None
    rate: Any
    looks_around: bool = True  # for another metric, where this one is wrong

    def compare(self, size: float, steps: int, but: Collection[str] = ()) -> None:
        """Compare the first steps of weights of one size with the metric's."""
        state, buffer = self.state, 0.0
        for count in range(steps):
            tolerance = _tolerance(state, count)
            step = self._step(size, GRADIENTS, count, state, buffer)
            self._check(step.got, step.expected, tolerance, count, but)
            state, buffer = step.state, step.buffer

    def compare_later(self) -> None:
        """Compare a step with the metric's as schedules have it later."""
        for count in LATER:
            step = self._step(0.0, GRADIENTS, count, after(self.state, count), 0.0)
            self._check(step.got, step.expected, TOLERANCE, count)

    def own_decay(self) -> list[str]:
        """Return the parameters that weights of one lose something without a gradient."""
        got = self._step(1.0, NO_GRADIENTS, 0, self.state, 0.0).got
        # Without an epsilon a gradient of 0 makes 0/0, which is no decay.
        return [name for name, moved in got.items() if np.nan_to_num(_flat(moved)).any()]

    def _step(
        self, size: float, slopes: tuple[float, ...], count: Any, state: Any, buffer: Any
    ) -> _Step:
        gradients = self.stand_ins.tree(slopes)
        updates, state = self.inner.update(gradients, state, self.stand_ins.tree(size))
        pushes, got = named_leaves(gradients), named_leaves(updates)
        reading = read(state, self.metric)
        rate = rate_at(self.rate, jnp.asarray(count), reading.learning_rate)
        rate, buffer = reading.metric.amplified(rate, buffer)
        scales = reading.scales(self.names)
        expected = {name: -rate * scales[name] * pushes[name] for name in self.names}
        return _Step({name: got[name] for name in self.names}, expected, state, buffer)

    def _check(
        self, got: Any, expected: Any, tolerance: float, count: int, but: Collection[str] = ()
    ) -> None:
        for name in self.names:
            ours, theirs = _flat(expected[name]), _flat(got[name])
            if name not in but and not np.allclose(theirs, ours, rtol=tolerance, atol=LEAST):
                raise UnsupportedOptimizer(self._words(name, theirs, ours, count))

    def _words(self, name: str, got: np.ndarray, expected: np.ndarray, count: int) -> str:
        worst = int(np.argmax(np.abs(got - expected) / np.abs(expected + 1e-300)))
        gradient = GRADIENTS[worst % len(GRADIENTS)]
        metric = read(self.state, self.metric).metric
        advice = self._advice(metric)
        if count >= metric.probed:
            advice = "give the optimizer and proximal one schedule, or one number"
        return (
            f"expected the optimizer to move {name} by {expected[worst]:.4g} at a gradient of "
            f"{gradient:g} in step {count + 1}, as {metric} and the learning rate say, got "
            f"{got[worst]:.4g}: {advice}"
        )

    def _advice(self, metric: OptaxMetric) -> str:
        """Return another metric with which all is well, else what else may be done."""
        others = others_of(read(self.state, self.metric)) if self.looks_around else ()
        for other in others:
            try:
                replace(self, metric=other, looks_around=False).compare(0.0, other.probed)
            except UnsupportedOptimizer:
                continue
            return f"it moves as another optimizer with such a state does, give metric={other}"
        return (
            f"give the learning rate and the numbers that it was made with, as in "
            f"metric={type(metric).__name__}(…), and leave clipping to a chain around proximal; if "
            f"it is another optimizer with such a state, as lamb and yogi have Adam's, {INSTEAD}"
        )


def _twice_words(names: list[str]) -> str:
    return (
        f"the optimizer decays {', '.join(names[:3])}{', …' if len(names) > 3 else ''} by itself, "
        "and the terms have L2 there, so the squares are penalised twice: make the optimizer with "
        "weight_decay=0, or drop the L2 term"
    )


def _is_known(numbers: Any) -> bool:
    """Return whether all are; inside jax.jit those that are injected are not."""
    return not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(numbers))


def _tolerance(state: Any, step: int) -> float:
    """Return how far a step may be off, relative to its size.

    Each step before it has rounded what the state holds, the factor that it decays by and their
    product to the dtype of the state, by half an epsilon each; the first step has nothing behind
    it.
    """
    epsilons = (
        float(jnp.finfo(leaf.dtype).eps)
        for leaf in jax.tree.leaves(state)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    )
    return max(TOLERANCE, 1.5 * step * max(epsilons, default=0.0))


def _flat(array: Any) -> np.ndarray:
    return np.asarray(array, dtype=np.float64).ravel()
