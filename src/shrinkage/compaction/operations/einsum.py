"""Products along labelled axes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from shrinkage.compaction.entries import Entries, Weight, nonzero
from shrinkage.compaction.operations.mixing import Known, mixed
from shrinkage.compaction.operations.products import product
from shrinkage.compaction.operations.weighted import weighted

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call


def einsum(run: Analysis, call: Call) -> Known:
    """A weighted sum, where one of two tensors is a matrix of weights; else a product."""
    equation, operands, *_ = call.arguments
    labels, _, out = equation.replace(" ", "").partition("->")
    a, b, *others = labels.split(",") if "." not in labels and "->" in equation else ("", "", "")
    plain = all(len(set(own)) == len(own) for own in (a, b, out)) and set(a + b) >= set(out)
    summed = set(a) & set(b) - set(out)
    if others or not plain or set(a + b) - set(out) - summed:
        return mixed(run, call)
    for place in (0, 1):
        x, weight = operands[place], operands[1 - place]
        inner, outer = (a, b) if place == 0 else (b, a)
        made = [label for label in outer if label not in inner]
        matrix = isinstance(weight, Weight) and isinstance(x, Entries)
        each = [inner.index(label) for label in outer if label in inner and label in out]
        if matrix and made and len(summed) == 1 and not run.units.vary_along(x.units, each):
            (read,), made = summed, sorted(made, key=out.index)[-1:]
            there = nonzero(weight.value)

            def flowing(flow: torch.Tensor, place: int = place, there: Any = there) -> torch.Tensor:
                return torch.einsum(equation, *((flow, there) if place == 0 else (there, flow)))

            return weighted(
                run,
                call,
                x,
                weight,
                None,
                axes=(outer.index(read), outer.index(made[0])),
                dim=inner.index(read),
                made_dim=out.index(made[0]),
                flowing=flowing,
            )
    first, second = operands
    return _by_labels(run, call, (run.entries(first), run.entries(second)), (a, b, out))


def _by_labels(
    run: Analysis, call: Call, operands: tuple[Entries, Entries], labels: tuple[str, str, str]
) -> Known:
    """A product along labelled axes, as matrices: what both have, its own, what is summed."""
    a, b, out = labels
    both = [label for label in out if label in a and label in b]
    summed = [label for label in a if label in b and label not in out]
    own_a, own_b = (
        [label for label in out if label in own and label not in both] for own in (a, b)
    )
    size = {label: int(n) for own, x in zip((a, b), operands, strict=True)
            for label, n in zip(own, x.value.shape, strict=True)}  # fmt: skip

    def shape(*groups: list[str]) -> list[int]:
        sizes = [[size[label] for label in group] for group in groups]
        return [*sizes[0], *(math.prod(own) for own in sizes[1:])]

    def matrix(x: Entries, own: str, rows: list[str], columns: list[str]) -> Entries:
        order = [own.index(label) for label in (*both, *rows, *columns)]
        value, flow, units = (
            part.permute(order).reshape(shape(both, rows, columns))
            for part in (x.value, x.flow, x.units)
        )
        return Entries(value, flow, units, x.sums_to_one and summed == [own[-1]])

    nodes: Any = call.node.args[1]
    counts = any(run.is_open(nodes[0], a.index(label)) for label in summed)
    first, second = matrix(operands[0], a, own_a, summed), matrix(operands[1], b, summed, own_b)
    flat = replace(call, value=first.value @ second.value)
    flow, units = product(run, flat, first, second, nodes[0], counts=counts)
    wide = [*both, *own_a, *own_b]
    order = [wide.index(label) for label in out]
    sizes = [size[label] for label in wide]
    return flow.reshape(sizes).permute(order), units.reshape(sizes).permute(order)
