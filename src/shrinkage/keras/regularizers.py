"""Terms as a `kernel_regularizer`: Keras' own place for a penalty, with this library's meaning.

Who uses this: people who build layers, and the update "loss" of whoever wants one. It promises the
value strength·Ω(w) with halves, the least-norm subgradient as its derivative (so that a zero group
gives 0 where automatic differentiation of a norm gives NaN), and a config that `model.save` keeps.
The derivative is a constant to the backend, so there is no second one. It makes no exact zeros: for
those see `shrinkage.keras.regularize`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import keras

from shrinkage.errors import InputError
from shrinkage.keras.arrays import ops, plain
from shrinkage.penalties import REGISTRY, Penalty, penalty_class
from shrinkage.selections import weights
from shrinkage.terms import Term, Terms, as_terms

# Keras prints the config of what it cannot find: the line tells whoever opens the file elsewhere.
NEEDED = "pip install shrinkage, then import shrinkage.keras before loading this model"


@keras.saving.register_keras_serializable(package="shrinkage", name="Regularizer")
class Regularizer(keras.regularizers.Regularizer):
    """Σ strength·penalty of one array, for `kernel_regularizer=`; make it with `regularizer`.

    Args:
        terms: each a mapping with "strength", "penalty" (a name of the registry) and "options".
        input_axis: the axis of the array along which the layer's input units lie; with neither, a
            matrix has them along −2 and −1, and of other arrays nothing is known.
        output_axis: the same for output units.
        needs: what the file of a saved model says of it; no other value than `NEEDED` is kept.
    """

    def __init__(
        self,
        terms: Iterable[Mapping[str, Any]] = (),
        input_axis: int | None = None,
        output_axis: int | None = None,
        needs: str = NEEDED,  # noqa: ARG002
    ) -> None:
        self.asked = 0  # how often a loss, or a trace of one, has asked for the value
        self.terms = Terms(tuple(_term(entry) for entry in terms))
        self.input_axis, self.output_axis = input_axis, output_axis

    @classmethod
    def of(cls, terms: Terms, input_axis: int | None, output_axis: int | None) -> Regularizer:
        """Return the regularizer of terms that need not be in the registry."""
        made = cls((), input_axis, output_axis)
        made.terms = terms
        return made

    def __call__(self, x: Any) -> Any:
        """Return Σ strength·penalty(x), a scalar array of the backend."""
        self.asked += 1
        moving, fixed = ops.convert_to_tensor(x), plain(x)
        total = ops.zeros((), dtype=fixed.dtype)
        for term in self.terms:
            if term.strength == 0:
                continue
            penalty = self._along_units(term.penalty, len(x.shape))
            # Zero in value; its derivative is the subgradient, at zero weights too.
            subgradient = ops.stop_gradient(penalty.gradient(fixed))
            around = ops.sum(subgradient * (moving - fixed))
            total = total + term.strength * (ops.stop_gradient(penalty.value(fixed)) + around)
        return total

    def _along_units(self, penalty: Penalty, rank: int) -> Penalty:
        units = (self.input_axis, self.output_axis)
        try:
            return penalty.with_axes(*((-2, -1) if units == (None, None) and rank == 2 else units))
        except InputError as error:
            raise InputError(
                f"{error}; an array of {rank} axes does not say which are its units: give "
                "regularizer(…, input_axis=-2, output_axis=-1), which fits a convolution"
            ) from None

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs, and the package to install.

        Raises:
            InputError: a penalty that the registry does not have.
        """
        return {
            "terms": [_entry(term) for term in self.terms],
            "input_axis": self.input_axis,
            "output_axis": self.output_axis,
            "needs": NEEDED,
        }

    def __repr__(self) -> str:
        return (
            "regularizer(" + " + ".join(f"{t.strength:g} * {t.penalty!r}" for t in self.terms) + ")"
        )


def regularizer(
    terms: Term | Terms | Iterable[Term],
    *,
    input_axis: int | None = None,
    output_axis: int | None = None,
) -> Regularizer:
    """Return terms as an object for `kernel_regularizer=`, `bias_regularizer=` and their kin.

    Formula: Σ strength·penalty(kernel), with this library's halves: `keras.regularizers.l2(0.01)`
    is `regularizer(0.02 * L2())`.

    Args:
        terms: strengths times penalties; they are on the array that the layer passes, so they
            name no selection.
        input_axis: where the kernel has its input units, for `GroupLasso(per="input")`. A matrix
            has them along −2 and its outputs along −1; other kernels have to be told: −2 and −1 of
            a convolution, −1 and −2 of a transposed one. A kernel cannot say which it is.
        output_axis: the same for output units.

    Returns:
        The `Regularizer`; it is saved and loaded with the model, in a process that has imported
        `shrinkage.keras`.

    Raises:
        InputError: a term with a selection, a reference, or an update other than "loss"; in
            training, groups of units in a kernel whose axes nobody told.

    >>> from shrinkage import L2
    >>> float(regularizer(0.5 * L2())(keras.ops.ones((2, 2))))
    1.0

    Source: https://keras.io/api/layers/regularizers/
    """
    asked = as_terms(terms)
    for term in asked:
        _check(term)
    return Regularizer.of(asked, input_axis, output_axis)


def _check(term: Term) -> None:
    if term.selection != weights():
        raise InputError(
            f"expected a term without selection for a layer's regularizer, got {term!r}: the "
            "layer passes its array; drop .on(…), or use shrinkage.keras.regularize"
        )
    if term.reference is not None:
        raise InputError(
            f"expected a term about zero for a layer's regularizer, got {term!r}: a model's "
            "config holds no arrays; use shrinkage.keras.regularize(…, update='gradient')"
        )
    if term.penalty.is_renewed or not term.penalty.finite:
        raise InputError(
            f"expected a penalty that a loss can hold as it is, got {term!r}: use "
            "shrinkage.keras.regularize"
        )
    if term.update not in (None, "loss"):
        raise InputError(
            f"expected a term for the loss, got {term!r}: Keras differentiates a layer's "
            f"regularizer; use shrinkage.keras.regularize for update={term.update!r}"
        )


def _entry(term: Term) -> dict[str, Any]:
    penalty = term.penalty
    if REGISTRY.get(getattr(penalty, "name", "")) is not type(penalty):
        raise InputError(
            f"expected a penalty of {', '.join(REGISTRY)} in a model to save, got {penalty!r}: "
            "save the weights alone with model.save_weights, or use shrinkage.keras.regularize"
        )
    options = {field.name: getattr(penalty, field.name) for field in fields(penalty)}
    numbers = {
        name: list(value) if isinstance(value, tuple) else value  # JSON has no tuples
        for name, value in options.items()
        if value is not None
    }
    return {"strength": term.strength, "penalty": penalty.name, "options": numbers}


def _term(entry: Mapping[str, Any]) -> Term:
    penalty = penalty_class(entry["penalty"])(**entry["options"])
    return Term(entry["strength"], penalty, update=None)
