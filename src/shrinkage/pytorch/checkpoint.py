"""What an attachment needs to go on after a restart: plain numbers and tensors, by parameter.

Who uses this: `Attachment.state_dict` and `load_state_dict`. `torch.load(weights_only=True)` reads
it, and the optimizer's own state dict has no part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shrinkage.checks import shown
from shrinkage.errors import InputError, near_names
from shrinkage.pytorch.sharding import like_parameter, local
from shrinkage.pytorch.slots import Slot
from shrinkage.pytorch.updates import Corrected, Proximal


def slot_states(slots: Iterable[Slot]) -> dict[str, dict[str, Any]]:
    """Return gains, largest rates, what is below the resolution, zeros and renewals, by name."""
    momentum: dict[str, Any] = {}
    largest: dict[str, Any] = {}
    resolution: dict[str, Any] = {}
    frozen: dict[str, Any] = {}
    renewed: dict[str, Any] = {}
    for slot in slots:
        name = slot.target.name
        for update in _proximal(slot):
            if update.buffer is not None:
                momentum[name] = update.buffer
        for update in _corrected(slot):
            largest[name] = update.largest
        rounding = slot.target.resolution.state_dict()
        if "low" in rounding:
            rounding["low"] = _shared(rounding["low"], slot)
        resolution[name] = rounding
        if slot.frozen.mask is not None:
            frozen[name] = _shared(slot.frozen.mask, slot)
        if slot.plan.renewals:
            held = slot.plan.renewals
            renewed[name] = [None if own is None else _shared(own, slot) for own in held]
    return {
        "momentum": momentum,
        "largest": largest,
        "resolution": resolution,
        "frozen": frozen,
        "renewed": renewed,
    }


def check_saved(state: object) -> None:
    """Refuse what no attachment has saved, such as the state of the optimizer.

    Raises:
        InputError: says what came.

    >>> check_saved({"steps": 3})
    """
    keys = state.keys() if isinstance(state, Mapping) else ()
    if {"steps", "strengths", *_LOADERS}.isdisjoint(keys):
        what = f"with {', '.join(map(str, list(keys)[:3]))}" if keys else shown(state)
        raise InputError(
            f"expected what state_dict() of an attachment gave, got {what}: give that, and not the "
            "state of a model or an optimizer"
        )


def load_slot_states(slots: Sequence[Slot], state: Mapping[str, Any]) -> None:
    """Take what `slot_states` gave.

    Raises:
        InputError: names of parameters that are not attached.
    """
    known = {slot.target.name: slot for slot in slots}
    for kind in _LOADERS:
        for name, value in dict(state.get(kind, {})).items():
            if name not in known:
                hint = near_names(name, known) or "load it into the same model and terms"
                raise InputError(f"expected the state of known parameters, got {name}: {hint}")
            _LOADERS[kind](known[name], value)


def _load_momentum(slot: Slot, value: Any) -> None:
    for update in _proximal(slot):
        update.buffer = float(value)


def _load_largest(slot: Slot, value: Any) -> None:
    for update in _corrected(slot):
        update.largest = float(value)


def _load_resolution(slot: Slot, value: Mapping[str, Any]) -> None:
    state = dict(value)
    if state.get("low") is not None:
        state["low"] = local(state["low"])
    slot.target.resolution.load_state_dict(state, slot.parameter)


def _load_frozen(slot: Slot, value: Any) -> None:
    slot.frozen.mask = local(value).to(slot.parameter.device, copy=True)


def _load_renewed(slot: Slot, value: Any) -> None:
    like = slot.parameter
    held = [None if own is None else local(own).to(like.device, like.dtype) for own in value]
    slot.take(slot.plan.with_renewals(held))


_LOADERS = {
    "momentum": _load_momentum,
    "largest": _load_largest,
    "resolution": _load_resolution,
    "frozen": _load_frozen,
    "renewed": _load_renewed,
}


def _proximal(slot: Slot) -> list[Proximal]:
    return [update for update in slot.updates if isinstance(update, Proximal)]


def _corrected(slot: Slot) -> list[Corrected]:
    return [update for update in slot.updates if isinstance(update, Corrected)]


def _shared(tensor: Any, slot: Slot) -> Any:
    """Return a tensor of this process as one of all, so that sharded checkpoints store it right."""
    if slot.target.gathered:
        return tensor
    return like_parameter(tensor, slot.parameter)
