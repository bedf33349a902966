"""The arrays of shards, made from those of other shards: columns are left out, or come back.

Who uses this: the training of a stack whose columns leave. One kind of array after the other is
made and the old one given back, so that a cut never takes more memory than there was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from shrinkage.paths.engines.flat import FlatStack
from shrinkage.paths.engines.leaving.cutting import Piece
from shrinkage.paths.engines.leaving.past import Past

VALUES, FIRST, SECOND = "values", "first", "second"


@dataclass
class Held:
    """What a shard holds: the arrays of its piece, and what the rows have told it so far."""

    piece: Piece
    flat: FlatStack
    buffers: dict[str, torch.Tensor]
    past: Past


@dataclass(frozen=True)
class Table:
    """The rows that every step sees.

    Args:
        first: name of the weights that read the columns.
        x: as the layer gets them, (rows, columns).
        columns: what its products take, (columns, rows): the same, rounded perhaps.
    """

    first: str
    x: torch.Tensor
    columns: torch.Tensor


def rebuilt(table: Table, held: list[Held], pieces: Sequence[Piece]) -> list[Held]:
    """Return what shards of these pieces hold; `held` covers their models, and is used up."""
    shapes = [_shapes(table, held[0].flat, piece) for piece in pieces]
    buffers = [_buffers(held, piece) for piece in pieces]
    pasts = [_past(held, piece) for piece in pieces]
    flats = [own.flat for own in held]
    for flat in flats:
        flat.parameters.clear()
        flat.gradients, flat.narrow = flat.values[:0], None
    made: dict[str, list[torch.Tensor]] = {}
    laid = [FlatStack.laid_out(own) for own in shapes]
    for kind in (VALUES, FIRST, SECOND):
        made[kind] = []
        for piece, (stretches, length) in zip(pieces, laid, strict=True):
            buffer = getattr(flats[0], kind).detach().new_zeros(length)
            for name, stretch in stretches.items():
                _fill(table, stretch.view(buffer), held, piece, (name, kind))
            made[kind].append(buffer)
        for flat in flats:
            setattr(flat, kind, getattr(flat, kind).detach()[:0].clone())
    fresh = []
    for place, (stretches, length) in enumerate(laid):
        values, first, second = (made[kind][place] for kind in (VALUES, FIRST, SECOND))
        flat = FlatStack(stretches, values, values.new_zeros(length), first, second, flats[0].steps)
        flat.narrow_down(flats[0].narrowed)
        fresh.append(Held(pieces[place], flat, buffers[place], pasts[place]))
    return fresh


def expanded(table: Table, held: list[Held]) -> FlatStack:
    """Return the weights of all models and columns, without gradients and moments to go on with."""
    piece = Piece(slice(0, held[-1].piece.models.stop), np.arange(len(table.columns)))
    stretches, length = FlatStack.laid_out(_shapes(table, held[0].flat, piece))
    values = held[0].flat.values.detach().new_zeros(length)
    for name, stretch in stretches.items():
        _fill(table, stretch.view(values), held, piece, (name, VALUES))
    empty = (values.new_empty(length) for _ in range(3))
    return FlatStack(stretches, values, *empty, steps=held[0].flat.steps)


def _shapes(table: Table, flat: FlatStack, piece: Piece) -> dict[str, torch.Size]:
    models = piece.models.stop - piece.models.start
    shapes = {name: torch.Size((models, *own.shape[1:])) for name, own in flat.stretches.items()}
    shapes[table.first] = torch.Size((*shapes[table.first][:2], len(piece.columns)))
    return shapes


def _overlaps(held: Sequence[Held], piece: Piece) -> Iterator[tuple[Held, slice, int]]:
    """Yield who holds models of a piece, which of its own they are, and where they go."""
    for own in held:
        begin = max(own.piece.models.start, piece.models.start)
        end = min(own.piece.models.stop, piece.models.stop)
        if begin < end:
            start = own.piece.models.start
            yield own, slice(begin - start, end - start), begin - piece.models.start


def _buffers(held: Sequence[Held], piece: Piece) -> dict[str, torch.Tensor]:
    parts = [(own.buffers, some) for own, some, _ in _overlaps(held, piece)]
    return {name: torch.cat([own[name][some] for own, some in parts]) for name in held[0].buffers}


def _past(held: Sequence[Held], piece: Piece) -> Past:
    return Past.joined([own.past.of(some) for own, some, _ in _overlaps(held, piece)])


def _fill(
    table: Table, out: torch.Tensor, held: Sequence[Held], piece: Piece, which: tuple[str, str]
) -> None:
    """Fill an array of a piece with what others hold of it."""
    name, kind = which
    for own, some, at in _overlaps(held, piece):
        source = own.flat.stretches[name].view(getattr(own.flat, kind).detach())
        if name != table.first:
            out[at : at + some.stop - some.start].copy_(source[some])
            continue
        for place, model in enumerate(range(some.start, some.stop)):
            _fill_columns(table, out[at + place], (own, model, source[model]), piece, kind)


def _fill_columns(
    table: Table,
    out: torch.Tensor,
    source: tuple[Held, int, torch.Tensor],
    piece: Piece,
    kind: str,
) -> None:
    """Fill the columns of one model; those that it did without are zero, with their moments."""
    own, model, values = source
    places = np.searchsorted(own.piece.columns, piece.columns).clip(max=len(own.piece.columns) - 1)
    there = own.piece.columns[places] == piece.columns
    if there.all():
        torch.index_select(values, 1, torch.from_numpy(places), out=out)
        return
    out[:, torch.from_numpy(np.flatnonzero(there))] = values[:, torch.from_numpy(places[there])]
    if kind != VALUES:
        lacking = table.columns[torch.from_numpy(piece.columns[~there])]
        moments = own.past.moments(model, lacking)
        out[:, torch.from_numpy(np.flatnonzero(~there))] = moments[kind == SECOND]
