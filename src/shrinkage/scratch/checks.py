"""Checks of settings and of what training starts from; a mistake is one line.

It says what was expected, what it got, what to do.

Who uses this: the layers, optimizers and the training of this package.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shrinkage.checks import number
from shrinkage.errors import InputError, OwnDecayWarning
from shrinkage.terms import Part, words_of_own_decay


def expect(value: Any, kinds: Any, what: str, example: str) -> Any:
    """Return an object of one of the kinds, or say what it got instead.

    >>> expect(3, int, "a number", "3")
    3
    """
    if not isinstance(value, kinds):
        got = repr(value) if isinstance(value, str | type) else type(value).__name__
        raise InputError(f"expected {what}, got {got}: give for example {example}")
    return value


def two_betas(betas: Any) -> None:
    """Check that there are two, each at least 0 and below 1."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise InputError(
            f"expected betas as two numbers, got {betas!r}: give for example (0.9, 0.999)"
        )
    for beta in betas:
        number(beta, "each of betas", below=1)


def enough_rows(count: int) -> None:
    """Check that a batch has a variance."""
    if count < 2:
        raise InputError(
            "expected at least 2 rows for BatchNorm to learn from, got 1, which has no variance: "
            "give it more rows at a time"
        )


def finite_weights(parameters: Mapping[str, np.ndarray]) -> None:
    """Check the weights that training starts from."""
    for name, w in parameters.items():
        if not np.isfinite(w).all():
            raise InputError(
                f"expected finite weights to start from, got NaN or infinity in {name}: draw the "
                "network anew, or load weights from before they diverged"
            )


def finite_references(assigned: Mapping[str, Sequence[Any]]) -> None:
    """Check what terms are measured from, by parameter."""
    for name, parts in assigned.items():
        references = [part.reference for part in parts if part.reference is not None]
        if not all(np.isfinite(np.asarray(reference)).all() for reference in references):
            raise InputError(
                f"expected a finite reference for {name}, got NaN or infinity in around(…): take "
                "it from a network that trained well"
            )


def warn_of_own_decay(optimizer: Any, parts: Mapping[str, Sequence[Part]]) -> None:
    """Say so where the optimizer decays by itself what a term is on."""
    decays = dict.fromkeys(parts, getattr(optimizer, "weight_decay", 0.0))
    words = words_of_own_decay(type(optimizer).__name__, decays, parts)
    if words:
        warnings.warn(words, OwnDecayWarning, stacklevel=3)
