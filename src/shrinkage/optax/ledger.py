"""The record of a JAX loop: data loss, terms and layers apart, as in PyTorch.

Who uses this: people, in a loop of their own, outside of what they compile. A transformation sees
neither the loss nor the weights after its step, so the loop hands them over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from shrinkage.checks import positive, whole
from shrinkage.errors import InputError
from shrinkage.ledger import LayerRecord, Record, RecordBook, Sink, decay_timescale
from shrinkage.optax.assigning import assigned
from shrinkage.optax.parameters import Layout, describe, named_leaves
from shrinkage.optax.renewing import Renewals
from shrinkage.parameters import ParameterInfo
from shrinkage.terms import Part, StepPlan, Term, Terms, as_terms, present, subgradient_of


class TreeLedger(RecordBook):
    """Records of training, every `every` steps, that the loop gives to `note`.

    Args:
        terms: those of the optimizer.
        every: steps between two records, the first step apart; 0 records nothing.
        layout: see `describe`.
        steps_per_epoch: batches in an epoch, so that steps are told in epochs too.
        sinks: where records are written as they come: `JsonLines`, `TensorBoard`, `MLflow`.
        keep: how many records stay in memory; the oldest are dropped.

    Raises:
        InputError: numbers that cannot be, or no terms.

    >>> from shrinkage import L1
    >>> ledger = TreeLedger(0.5 * L1(), every=1)
    >>> ledger.note(1, {"kernel": jnp.array([[0.0, 2.0]])}, loss=0.25)
    >>> print(ledger.table())
    step  data loss  0.5 * L1() on weights()  zeros
       1       0.25                        1   50 %
    """

    def __init__(
        self,
        terms: Term | Terms | Iterable[Term],
        *,
        every: int = 100,
        layout: Layout | None = None,
        steps_per_epoch: int | None = None,
        sinks: Sequence[Sink] = (),
        keep: int = 10_000,
    ) -> None:
        super().__init__(sinks, keep)
        if steps_per_epoch is not None:
            positive(steps_per_epoch, "steps_per_epoch")
        self.every, self.steps_per_epoch = whole(every, "every", 0), steps_per_epoch
        self._terms, self._layout = as_terms(terms), layout

    def due(self, step: int) -> bool:
        """Return whether a step, counted from 1, is recorded: the first and every `every`-th."""
        return self.every > 0 and (step % self.every == 0 or step == 1)

    def note(
        self,
        step: int,
        params: Any,
        *,
        loss: Any = None,
        gradients: Any = None,
        before: Any = None,
        learning_rate: float | None = None,
        renewals: Renewals | None = None,
    ) -> None:
        """Record a step if it is due; this waits for the device.

        Args:
            step: its number, from 1.
            params: the tree of parameters after it.
            loss: the data loss, without penalties.
            gradients: of the data loss, for the penalties' share of the gradient.
            before: the parameters that the gradients are of; None is `params`.
            learning_rate: of the step, for the timescale of L2 terms.
            renewals: of the state of the transformation, for penalties that are renewed.

        Raises:
            InputError: no renewals, where a penalty has some.
            ShrinkageError: as `assign` and `describe` do.
        """
        if not self.due(step):
            return
        described = describe(params, self._layout)
        plans = assigned((info for info, _ in described), self._terms).plans
        penalised = [
            (info, w, _parts(plans[info.name], renewals, info.name))
            for info, w in described
            if plans[info.name]
        ]
        pushes = {} if gradients is None else named_leaves(gradients)
        weights = named_leaves(params if before is None else before)
        layers = {
            info.name: self._layer(
                info,
                w,
                decay_timescale(on_it, learning_rate or 0.0),
                _share(weights[info.name], pushes.get(info.name), on_it),
            )
            for info, w, on_it in penalised
        }
        epoch = step / self.steps_per_epoch if self.steps_per_epoch else None
        data_loss = None if loss is None else float(loss)
        self.add([Record(step, epoch, data_loss, self._values(penalised), layers)])

    def _values(self, penalised: Sequence[tuple[Any, Any, tuple[Part, ...]]]) -> dict[str, float]:
        totals = dict.fromkeys(self._terms.ids, 0.0)
        for _, w, on_it in penalised:
            for part in on_it:
                totals[part.term] += float(part.value(w))
        return totals

    def _layer(
        self, info: ParameterInfo, w: Any, timescale: float | None, share: float | None
    ) -> LayerRecord:
        epochs = timescale / self.steps_per_epoch if timescale and self.steps_per_epoch else None
        return LayerRecord(share, int((w == 0).sum()), info.size, timescale, epochs, None)


def _parts(plan: StepPlan, held: Renewals | None, name: str) -> tuple[Part, ...]:
    """Return the parts of a parameter with what those hold that are renewed."""
    if not plan.renewals:
        return plan.parts
    if held is None or name not in held:
        raise InputError(
            f"expected what {plan.parts[0].penalty!r} holds of {name}, got none: give note(…, "
            "renewals=state.renewals), state being that of the transformation with the terms"
        )
    return plan.with_renewals(held[name]).parts


def _share(w: Any, gradient: Any, parts: Sequence[Part]) -> float | None:
    """Return ‖Σ strength·∂Ω‖ / (‖Σ strength·∂Ω‖ + ‖gradient‖), None without a gradient."""
    if gradient is None or not isinstance(gradient, jax.Array):
        return None
    ours = float(jnp.linalg.norm(subgradient_of(present(parts), w)))
    theirs = float(jnp.linalg.norm(gradient))
    return ours / (ours + theirs) if ours + theirs > 0 else 0.0
