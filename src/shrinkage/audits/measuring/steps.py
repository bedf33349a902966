"""The steps of a neutral audit: one call each, their arrays checked and copied at once.

Who uses this: `audit`. A step may hand out the arrays that it trains in place: everything is
copied before the next call, and what cannot be an answer is refused by name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shrinkage.errors import InputError, near_names

Array = Any
Step = Callable[[float], Any]


@dataclass(frozen=True, eq=False)
class TakenStep:
    """Weights before and after one step, and the gradients where the step gives them."""

    before: Mapping[str, Array]
    after: Mapping[str, Array]
    gradients: Mapping[str, Array] | None
    epsilons: Mapping[str, float]


def take(step: Step, scale: float, first: TakenStep | None = None) -> TakenStep:
    """Call the step and return copies of what it gave.

    Args:
        step: the caller's.
        scale: what the strengths are multiplied with.
        first: an earlier run: names, shapes and `before` have to be its.

    Raises:
        InputError: no pair of mappings, no arrays, one array in both, other names or shapes.
    """
    answer = step(scale)
    if not isinstance(answer, tuple | list) or len(answer) not in (2, 3):
        raise InputError(
            f"expected step({scale:g}) to return (before, after) or (before, after, gradients), "
            f"got {type(answer).__name__}: return two or three mappings of name to array"
        )
    before, after, *rest = (_mapping(*pair) for pair in zip(answer, _WORDS, strict=False))
    gradients = rest[0] if rest else None
    _check_names(before, after, "after", scale)
    _check_aliases(before, after)
    taken = TakenStep(
        {name: _copied(name, array) for name, array in before.items()},
        {name: _copied(name, array) for name, array in after.items()},
        None if gradients is None else _gradients(gradients, before, scale),
        {name: _epsilon(array) for name, array in before.items()},
    )
    if first is not None:
        _check_start(first, taken, scale)
    return taken


_WORDS = ("before", "after", "gradients")


def _mapping(arrays: Any, word: str) -> Mapping[str, Array]:
    if not isinstance(arrays, Mapping) or not arrays:
        raise InputError(
            f"expected {word} as a mapping of name to array, got {type(arrays).__name__}: "
            'return for example {"W1": W1, "b1": b1}'
        )
    for name, array in arrays.items():
        if not hasattr(array, "shape") or not hasattr(array, "dtype"):
            raise InputError(
                f"expected {word}[{name!r}] to be an array, got {type(array).__name__}: "
                "convert it, for example with numpy.asarray"
            )
    return arrays


def _check_names(
    expected: Mapping[str, Array], arrays: Mapping[str, Array], word: str, scale: float
) -> None:
    for name in expected:
        if name not in arrays:
            hint = _hint(name, arrays) or "return the same names in every mapping"
            raise InputError(f"expected {word} to hold {name} at scale {scale:g}, got none: {hint}")
    for name in arrays:
        if name not in expected:
            hint = _hint(name, expected) or "return the same names in every mapping"
            raise InputError(f"expected no {name} in {word} at scale {scale:g}, got one: {hint}")
        if tuple(arrays[name].shape) != tuple(expected[name].shape):
            raise InputError(
                f"expected {word}[{name!r}] of shape {tuple(expected[name].shape)} at scale "
                f"{scale:g}, got {tuple(arrays[name].shape)}: return the same array each time"
            )


def _hint(name: str, names: Iterable[str]) -> str:
    """Return a near name; among names of two letters all are near."""
    return near_names(name, names) if len(name) > 2 else ""


def _check_aliases(before: Mapping[str, Array], after: Mapping[str, Array]) -> None:
    for name in before:
        first, second = before[name], after[name]
        if first is second or np.shares_memory(_memory(first), _memory(second)):
            raise InputError(
                f"expected a copy of {name} from before the step, got the same array before and "
                f"after: the step has changed both; take before = {name}.copy() first"
            )


def _memory(array: Array) -> np.ndarray:
    """Return an array's own memory as NumPy sees it; a copy where it cannot."""
    if not hasattr(array, "detach"):
        return np.asarray(array)
    tensor = array.detach().cpu()
    if str(tensor.dtype) in _WIDENED:
        tensor = tensor.view(dtype=_module_of(tensor).int16)
    return tensor.numpy()


def _module_of(tensor: Array) -> Any:
    """Return the torch of a tensor, which is loaded then."""
    return sys.modules[type(tensor).__module__.partition(".")[0]]


def _gradients(
    arrays: Mapping[str, Array], before: Mapping[str, Array], scale: float
) -> dict[str, Array]:
    """Return the gradients; a parameter may have none (it is not trained)."""
    _check_names(
        {name: before[name] for name in arrays if name in before}, arrays, "gradients", scale
    )
    return {name: _copied(name, array) for name, array in arrays.items()}


def _copied(name: str, array: Array) -> Array:
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        array = (array.double() if str(array.dtype) in _WIDENED else array).numpy()
    copy = np.array(array)
    if copy.dtype.kind == "V" or str(copy.dtype) in ("bfloat16", "float16"):
        copy = copy.astype(np.float64)
    if copy.dtype.kind not in "fiu":
        raise InputError(
            f"expected real numbers in {name}, got dtype {copy.dtype}: return the weights only"
        )
    return copy


_WIDENED = ("torch.bfloat16", "torch.float16")
_EPSILONS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}


def _epsilon(array: Array) -> float:
    return _EPSILONS.get(str(array.dtype).rpartition(".")[2], 2.0**-52)


def _check_start(first: TakenStep, taken: TakenStep, scale: float) -> None:
    _check_names(first.before, taken.before, "before", scale)
    if (first.gradients is None) != (taken.gradients is None):
        raise InputError(
            f"expected gradients in every call or in none, got otherwise at scale {scale:g}: "
            "return the same number of mappings"
        )
    for name, array in first.before.items():
        if not np.array_equal(array, taken.before[name], equal_nan=True):
            raise InputError(
                f"expected the same start in every call, got another {name} at scale {scale:g}: "
                "give back the weights (and the optimizer's state) at the top of the step"
            )


def same(first: TakenStep, second: TakenStep) -> str | None:
    """Return the name of a parameter that two runs of one scale left in different places."""
    for name, array in first.after.items():
        w = np.asarray(array, dtype=np.float64)
        other = np.asarray(second.after[name], dtype=np.float64)
        bound = 8 * first.epsilons[name] * (np.abs(w) + np.abs(other) + np.abs(first.before[name]))
        if not (np.abs(w - other) <= bound).all() and np.isfinite(w).all():
            return name
    return None
