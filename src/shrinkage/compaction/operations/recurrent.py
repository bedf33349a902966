"""Recurrent layers of torch: a unit of the state goes with its gates, in all layers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shrinkage.compaction.entries import Entries, Maker, Weight, mark, nonzero

if TYPE_CHECKING:
    from shrinkage.compaction.analysis import Analysis
    from shrinkage.compaction.calls import Call

GATES = {"lstm": (4, 2), "gru": (3, 2), "rnn_tanh": (1, 0), "rnn_relu": (1, 0)}
"""How many gates a layer has, and which of them makes a state that is not 0 of one that is."""

Several = tuple[list[torch.Tensor], list[torch.Tensor]]
"""The flows and the units of all that an operation returns."""


def recurrent(run: Analysis, call: Call) -> Several | None:
    """All layers over all places; None where there are other weights, as those of projections."""
    x, states, params, biases, layers, _, training, both_ways, first = call.positional(9)
    ways, each = 2 if both_ways else 1, 4 if biases else 2
    weights = isinstance(params, list) and all(isinstance(own, Weight) for own in params)
    if not weights or training or len(params) != layers * ways * each:
        return None
    states = [run.entries(own) for own in (states if isinstance(states, list) else [states])]
    x = run.entries(x)
    time = 1 if first and x.value.ndim == 3 else 0
    ends: list[Entries] = []
    for layer in range(layers):
        made = []
        for way in range(ways):
            place = layer * ways + way
            begin = [_part(own, place) for own in states]
            own = params[place * each : (place + 1) * each]
            value = _value(call, x.value, [one.value for one in begin], own, time if way else None)
            made.append(_layer(run, call, x, begin, own, value))
            ends.append(made[-1])
        x = _beside(made)
    size = call.value[1].shape[-1]
    flows = [torch.stack([own.flow.reshape(-1, size)[0] for own in ends]) for _ in states]
    units = [torch.stack([own.units.reshape(-1, size)[0] for own in ends]) for _ in states]
    wide = (len(ends), *[1] * (call.value[1].ndim - 2), size)
    shape = call.value[1].shape
    return (
        [x.flow, *(own.view(wide).expand(shape) for own in flows)],
        [x.units, *(own.view(wide).expand(shape) for own in units)],
    )


def cell(run: Analysis, call: Call) -> Several | None:
    """One place: the state that comes out is read by the next call."""
    x, states, *weights = call.positional(6)
    own = [one for one in weights if one is not None]
    if not all(isinstance(one, Weight) for one in own):
        return None
    x = run.entries(x).probed()
    states = [run.entries(one) for one in (states if isinstance(states, list) else [states])]
    state = states[0].probed()
    units = _joined(run, x, states, own)
    alive = _alive(call, _there(x), _there(*states), own, steps=1)
    read = [_over_gates(call, weight) for weight in own[:2]]
    flow = x.flow @ read[0].t() + state.flow @ read[1].t()
    flow = mark((flow + sum(one.flow for one in states[1:])) * alive)
    value = call.value if isinstance(call.value, torch.Tensor) else call.value[0]
    made = Entries(value, flow, units.expand(value.shape))
    _recorded(run, call, (x, state), own, made)
    return [flow] * len(states), [made.units] * len(states)


def _layer(
    run: Analysis,
    call: Call,
    x: Entries,
    states: list[Entries],
    weights: list[Weight],
    value: torch.Tensor,
) -> Entries:
    """One layer in one direction. A state that is not always 0 is another at each place."""
    x = x.probed()
    units = _joined(run, x, states, weights)
    alive = _alive(call, _there(x), _there(*states), weights)
    into, over = (_over_gates(call, weight) for weight in weights[:2])
    begun = sum(_rows(own.flow).mean(0) for own in states)
    direct = mark(_rows(x.flow).mean(0) @ into.t() + begun) * alive
    reached = _reached(over * alive[:, None])
    flow = mark(direct + reached @ direct + alive)
    seen = torch.cat([_rows(states[0].value), _rows(value)])
    state = Entries(seen, flow.expand(seen.shape), units.expand(seen.shape)).probed()
    flow = mark(flow + reached @ state.flow.mean(0)).expand(value.shape)
    made = Entries(value, flow, units.expand(value.shape))
    _recorded(run, call, (x, state), weights, made)
    return made


def _recorded(
    run: Analysis,
    call: Call,
    read: tuple[Entries, Entries],
    weights: list[Weight],
    made: Entries,
) -> None:
    """Record the weighted sums of what goes in and of the state, and the units that they make."""
    run.makers.append(Maker(call.node, weights[1], made, -1))
    gates = GATES[_kind(call)][0]
    flow = _rows(made.flow).mean(0).repeat(gates)[None]
    for place, entries in enumerate(read):
        weight, bias = weights[place], weights[2 + place] if len(weights) > 2 else None
        sums = Entries(torch.zeros_like(flow), flow, run.axis(weight, 0)[None])
        run.reads(call, entries, -1, weight, (1, 0), bias, Maker(call.node, weight, sums, -1))


def _joined(
    run: Analysis, x: Entries, states: list[Entries], weights: list[Weight]
) -> torch.Tensor:
    """Join what goes together, and return the units of the state."""
    others = list(range(x.units.ndim - 1))
    run.units.join(run.axis(weights[0], 1), run.units.join_along(x.units, others).flatten())
    units = run.axis(weights[1], 1)
    for weight in weights:
        rows = run.axis(weight, 0).view(-1, len(units))
        run.units.join(units.expand(rows.shape), rows)
    for state in states:
        run.units.join(state.units, units.expand(state.units.shape))
    return units


def _alive(
    call: Call,
    read: torch.Tensor,
    begun: torch.Tensor,
    weights: list[Weight],
    steps: int | None = None,
) -> torch.Tensor:
    """Return which units have a state that is not always 0, of so many steps or of all."""
    size = weights[1].value.shape[1]
    start = GATES[_kind(call)][1] * size
    into, over, *biases = (nonzero(own.value)[start : start + size] for own in weights)
    driven = into @ read + sum(biases, torch.zeros_like(begun))
    alive = begun
    while not torch.equal(alive, more := mark(begun + driven + over @ alive).detach()):
        alive, steps = more, None if steps is None else steps - 1
        if steps == 0:
            break
    return alive


def _reached(edges: torch.Tensor) -> torch.Tensor:
    """Return which units are read by which in any number of steps."""
    while not torch.equal(edges, more := mark(edges + edges @ edges).detach()):
        edges = more
    return edges


def _over_gates(call: Call, weight: Weight) -> torch.Tensor:
    """Return which features a unit reads by any of its gates, (units, features)."""
    gates = GATES[_kind(call)][0]
    return nonzero(weight.value).unflatten(0, (gates, -1)).amax(0)


def _there(*several: Entries) -> torch.Tensor:
    """Return which features are not always 0, (features,)."""
    there = [_rows(mark(own.flow).detach() + nonzero(own.value)).amax(0) for own in several]
    return torch.stack(there).amax(0)


def _value(
    call: Call,
    x: torch.Tensor,
    states: list[torch.Tensor],
    weights: list[Weight],
    backwards_along: int | None,
) -> torch.Tensor:
    """Return the states of one layer at all places."""
    if backwards_along is not None:
        x = x.flip(backwards_along)
    begin: Any = states if _kind(call) == "lstm" else states[0]
    biases, first = len(weights) > 2, call.positional(9)[8]
    own = [weight.value for weight in weights]
    with torch.no_grad():
        target: Any = call.node.target
        value = target(x, begin, own, biases, 1, 0.0, False, False, first)[0]
    return value if backwards_along is None else value.flip(backwards_along)


def _beside(made: list[Entries]) -> Entries:
    value, flow, units = (
        torch.cat([getattr(own, field) for own in made], -1) for field in ("value", "flow", "units")
    )
    return Entries(value, flow, units)


def _part(state: Entries, place: int) -> Entries:
    value, flow, units = (own.narrow(0, place, 1) for own in (state.value, state.flow, state.units))
    return Entries(value, flow, units)


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1, tensor.shape[-1])


def _kind(call: Call) -> str:
    return call.name.removesuffix("_cell")
