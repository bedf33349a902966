"""Weights whose length the loop itself sets after every step, as normalized transformers do.

Who uses this: `audit`. What a decay takes of such weights is given back at once, so that where they
went tells no factor.

Source: Loshchilov et al., nGPT: normalized transformer (ICLR 2025), which renormalizes all
matrices after the optimizer's step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from shrinkage.audits.findings import Finding, finding
from shrinkage.audits.judging import Case
from shrinkage.pytorch.audits.glance import are_equal
from shrinkage.pytorch.audits.runs import Runs

_ROUNDINGS = 16
_FEW = 8
_FAR = 16.0  # what moves farther than so many roots of a rounding keeps no length by chance
_WAYS: Mapping[str, tuple[int, ...]] = {
    "all rows": (0,),
    "all columns": (1,),
    "all weights together": (),
}


def set_lengths(runs: Runs, names: Iterable[str]) -> dict[str, str]:
    """Return the parameters whose lengths end as they began, and what has them: "all rows", say.

    Args:
        runs: a run with the terms stands.
        names: the parameters that are looked at.
    """
    found = {}
    for name in names:
        start, zero = runs.twin.start[name], runs.after_zero[name]
        after = runs.twin.parameters[name].detach()
        if start.ndim < 2 or not start.is_floating_point() or are_equal(start, zero):
            continue
        eps = torch.finfo(start.dtype).eps
        if name in runs.stepped_with:  # to others than they had, whatever a penalty does
            stepped = runs.stepped[name], runs.stepped_with[name]
            sets = (w for w, axes in _WAYS.items() if _are_set((zero, after), stepped, axes, eps))
            found.update([(name, way) for way in sets][:1])
        for way, axes in _WAYS.items():
            if _stay((start, zero, after), axes, eps):
                if _is_set(runs, name, eps):
                    found[name] = way
                break
    return found


def _stay(weights: tuple[torch.Tensor, ...], axes: tuple[int, ...], eps: float) -> bool:
    """Return whether all lengths are those of the first weights: some rows or columns tell not."""
    few = [w.narrow(axes[0], 0, min(_FEW, w.shape[axes[0]])) if axes else w for w in weights]
    for start, *others in (few, weights) if axes else (weights,):
        first = _lengths(start, axes)
        if not all(_same(first, _lengths(other, axes), eps) for other in others):
            return False
    return bool(first.any())


def _are_set(
    ends: tuple[torch.Tensor, torch.Tensor],
    stepped: tuple[torch.Tensor, torch.Tensor],
    axes: tuple[int, ...],
    eps: float,
) -> bool:
    """Return whether two runs end with the same lengths that the step has made different."""
    first, second = (_lengths(w, axes) for w in stepped)
    return _stay(ends, axes, eps) and not _same(first, second, eps)


def lengths_are_set(cases: Mapping[str, Case]) -> list[Finding]:
    """Return the weights whose lengths the loop sets: no decay shrinks them."""
    return [
        finding(
            "scale-invariant",
            name,
            f"behind the step the loop sets the length of {case.set_length}: decay here shrinks "
            "nothing and changes the effective learning rate only, and L1 the directions",
            "leave it out of the terms (weight_decay=0), or do not set its length",
        )
        for name, case in cases.items()
        if case.words and case.set_length
    ]


def _lengths(w: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """Return the lengths along some axes; without axes rows are summed in their own dtype."""
    if not axes:
        w = torch.linalg.vector_norm(
            w.detach(), dim=-1, dtype=torch.promote_types(w.dtype, torch.float32)
        )
    others = [axis for axis in range(w.ndim) if axis not in axes]
    return torch.linalg.vector_norm(w.detach(), dim=others, dtype=torch.float64)


def _same(first: torch.Tensor, second: torch.Tensor, eps: float) -> bool:
    return bool(((first - second).abs() <= _ROUNDINGS * eps * first).all())


def _is_set(runs: Runs, name: str, eps: float) -> bool:
    """Return whether lengths are no chance: steps go far, or the loop moves weights after them."""
    start, zero = runs.twin.start[name].double(), runs.after_zero[name].double()
    if float((zero - start).norm()) > _FAR * eps**0.5 * float(start.norm()):
        return True
    return runs.zero.replayable and name in runs.unexplained
