"""What penalises a Keras model already: its layers' regularizers, its optimizer's weight_decay.

Who uses this: the table (its notes), and what is said of a penalty that would act twice.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras

from shrinkage.errors import InputError, OwnDecayWarning
from shrinkage.keras.regularizers import Regularizer
from shrinkage.parameters import ParameterInfo
from shrinkage.penalties import L1, L2, Penalty
from shrinkage.terms import Part, Term, Terms, present, words_of_own_decay

_K: Any = keras.regularizers


def terms_of(regularizer: Any) -> Terms | None:
    """Return a layer's regularizer in this library's convention, None where that has no name.

    Args:
        regularizer: what a layer was given as `kernel_regularizer=`.

    Returns:
        Terms without those of strength 0: Keras' l2 has no half, so its strength is twice the
        number.

    >>> terms_of(keras.regularizers.L2(0.25))
    0.5 * L2() on weights()
    """
    if isinstance(regularizer, Regularizer):
        terms = list(regularizer.terms)
    elif isinstance(regularizer, _K.L1L2):
        terms = [Term(float(regularizer.l1), L1()), Term(2 * float(regularizer.l2), L2())]
    elif isinstance(regularizer, _K.L1):
        terms = [Term(float(regularizer.l1), L1())]
    elif isinstance(regularizer, _K.L2):
        terms = [Term(2 * float(regularizer.l2), L2())]
    else:
        return None
    return Terms(tuple(term for term in terms if term.strength > 0))


def words_of(regularizer: Any) -> str:
    """Return what the table says of a layer's regularizer, nothing where there is none.

    Args:
        regularizer: what a layer was given, or None.

    Returns:
        Half a sentence.

    >>> words_of(keras.regularizers.L2(0.25))
    "the layer's L2 adds 0.5 * L2() to the loss"
    """
    if regularizer is None:
        return ""
    name = getattr(regularizer, "__name__", type(regularizer).__name__)
    terms = terms_of(regularizer)
    if terms is None:
        return f"the layer's {name} adds to the loss"
    added = " + ".join(f"{term.strength:g} * {term.penalty!r}" for term in terms) or "nothing"
    return f"the layer's {name} adds {added} to the loss"


def decay_of(optimizer: Any, variable: Any) -> float:
    """Return the optimizer's own weight_decay of a variable, 0 where it has none.

    Args:
        optimizer: a Keras optimizer.
        variable: a variable of the model.

    Returns:
        The number, as the optimizer was given it.

    >>> decay_of(keras.optimizers.AdamW(), keras.Variable([1.0]))
    0.004
    """
    decay = float(optimizer.weight_decay or 0.0)
    return decay if decay and optimizer._use_weight_decay(variable) else 0.0


def check_once(
    described: Iterable[tuple[ParameterInfo, Any]], parts: Mapping[str, tuple[Part, ...]]
) -> None:
    """Refuse a term of a kind that the layer has on the same parameter.

    Args:
        described: the parameters with their variables.
        parts: the parts of each parameter.

    Raises:
        InputError: it names the parameter, both mechanisms and what to drop.
    """
    for info, variable in described:
        asked = {type(part.penalty) for part in present(parts[info.name]) if part.reference is None}
        layers = terms_of(variable.regularizer) or ()
        for both in sorted(asked & _kinds(layers), key=lambda kind: kind.name):
            raise InputError(
                f"expected one {both.__name__} on {info.name}, got a term and "
                f"{words_of(variable.regularizer)}: it would count twice; build the layer "
                "without it, or drop the term"
            )


def warn_of_own_decay(
    described: Iterable[tuple[ParameterInfo, Any]],
    parts: Mapping[str, tuple[Part, ...]],
    optimizer: Any,
) -> None:
    """Say so where the optimizer decays by itself what a term is on.

    Args:
        described: the parameters with their variables.
        parts: the parts of each parameter.
        optimizer: the Keras optimizer that holds them.
    """
    decays = {info.name: decay_of(optimizer, variable) for info, variable in described}
    words = words_of_own_decay(type(optimizer).__name__, decays, parts)
    if words:
        warnings.warn(words, OwnDecayWarning, stacklevel=3)


def _kinds(terms: Iterable[Term]) -> set[type[Penalty]]:
    return {type(penalty) for term in terms for _, penalty in term.penalty.parts()}
