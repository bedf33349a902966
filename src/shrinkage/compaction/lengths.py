"""Inputs of other lengths than the example's: more words, or larger pictures.

Who uses this: `compact`. What a trace has written as a number may come from a size of the example;
whether it does is seen where both networks are called with other sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from shrinkage.compaction.proof import answers, difference
from shrinkage.compaction.tracing import in_evaluation, length_bounds, quiet

TOGETHER = 4
"""So many axes of one size at most are tried in all their combinations."""

LONGEST = 16
"""So many times as long as the example is the longest input that is tried."""

Axis = tuple[int, int]
"""A tensor among the inputs, and an axis of it."""


def other_lengths(network: nn.Module, inputs: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return an example in other lengths, as far as a network takes them.

    Axes of one size are changed together where the network takes that, else some of them: twice as
    long, longer by one, half as long, and the next lengths for which its code asks another way
    (`if x.shape[1] > 100`), where a trace tells those; each of them alone twice as long, too. What
    is longer repeats the example.

    Args:
        network: it is not changed by the calls.
        inputs: the example; the first axis of every tensor is the batch.

    >>> [len(own[0][0]) for own in other_lengths(nn.Linear(3, 2), (torch.ones(2, 5, 3),))]
    [10, 6, 2, 1]
    """
    leaves = pytree.tree_leaves(inputs)
    axes: dict[int, list[Axis]] = {}
    for place, leaf in enumerate(leaves):
        if isinstance(leaf, torch.Tensor) and leaf.numel():
            for dim in range(1, leaf.ndim):
                axes.setdefault(leaf.shape[dim], []).append((place, dim))
    probe = in_evaluation(network)
    rows, found = _rows(probe, inputs) if axes else None, list[tuple[Any, ...]]()
    if rows is None:
        return []
    bounds: dict[Axis, tuple[int, ...]] | None = None

    def taken(together: Sequence[Axis], sizes: Iterable[int]) -> list[tuple[Any, ...]]:
        others = [with_length(inputs, together, new) for new in sizes]
        return [given for given in others if _rows(probe, given) == rows]

    for size, own in axes.items():
        for together in _together(own):
            sizes = dict.fromkeys(new for new in (2 * size, size + 1, size // 2) if new)
            if others := taken(together, sizes):
                bounds = length_bounds(network, inputs) if bounds is None else bounds
                next_to = (new for axis in together for new in bounds.get(axis, ()))
                more = [new for new in dict.fromkeys(next_to) if 0 < new <= LONGEST * size]
                found += [*others, *taken(together, [new for new in more if new not in sizes])]
                alone = together if len(together) > 1 else ()
                found += [given for axis in alone for given in taken([axis], [2 * size])]
                break
    return found


def with_length(inputs: tuple[Any, ...], axes: Sequence[Axis], size: int) -> tuple[Any, ...]:
    """Return inputs with another size along some axes: cut off, or repeated."""
    leaves, spec = pytree.tree_flatten(inputs)
    for place, dim in axes:
        leaf = leaves[place]
        times = -(-size // leaf.shape[dim])
        leaves[place] = torch.cat([leaf] * times, dim).narrow(dim, 0, size).contiguous()
    return pytree.tree_unflatten(leaves, spec)


def apart_at(
    model: nn.Module,
    smaller: nn.Module,
    others: Sequence[tuple[Any, ...]],
    take: Callable[[tuple[Any, ...]], tuple[Any, ...]] = lambda inputs: inputs,
) -> list[float | None]:
    """Return how far two networks' outputs are apart at each length; None where one fails.

    Args:
        model: the network.
        smaller: the other; neither is changed by the calls.
        others: inputs of other lengths.
        take: what the second is called with, of the inputs of the first.
    """
    if not others:
        return []
    first, second = in_evaluation(model), in_evaluation(smaller)

    def apart(given: tuple[Any, ...]) -> float | None:
        try:
            with quiet():
                return difference(first, lambda *x: second(*take(x)), given)
        except Exception:  # whatever a network raises whose sizes do not fit
            return None

    return [apart(given) for given in others]


def _together(axes: list[Axis]) -> Iterator[Sequence[Axis]]:
    counts = range(len(axes), 0, -1) if len(axes) <= TOGETHER else (len(axes), 1)
    for count in counts:
        yield from combinations(axes, count)


def _rows(network: nn.Module, inputs: tuple[Any, ...]) -> list[int] | None:
    """Return how many rows each tensor of an answer has; None where the network fails.

    Where `view(-1, …)` makes more rows of longer inputs, those are no rows of it.
    """
    try:
        with quiet():
            return [len(own) if own.ndim else 0 for own in answers(network, inputs)]
    except Exception:  # whatever a network raises whose sizes do not fit
        return None
