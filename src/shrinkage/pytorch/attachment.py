"""Terms attached to an optimizer by its step hooks: the caller's training loop does not change.

Who uses this: `regularize` (parameters of a model) and the path engine (`attach`, many models
stacked in each parameter). Hooks and no subclass, so that schedulers, scalers and checkpoints
meet the optimizer that they know; nothing is written into its groups or state.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.optim import LBFGS, Optimizer, SparseAdam

from shrinkage.errors import InputError, UnsupportedOptimizer, near_names
from shrinkage.penalties import Part
from shrinkage.pytorch.loss import as_part
from shrinkage.pytorch.metrics import Moment
from shrinkage.pytorch.threshold import Scratch
from shrinkage.pytorch.updates import UPDATES, Gradient, Loss, Proximal, Target, Tools, Update
from shrinkage.terms import Assignment, checked_update

REFUSED: dict[type[Optimizer], str] = {
    LBFGS: "its line search and history need the penalty inside the loss",
    SparseAdam: "it moves only the rows of a sparse gradient",
}

_ATTACHED: weakref.WeakSet[Optimizer] = weakref.WeakSet()


@dataclass(frozen=True, eq=False)
class Slot:
    """One parameter: its place in the optimizer, its updates, and its parts by term."""

    target: Target
    group: int
    updates: tuple[Update, ...]
    parts: tuple[tuple[str, Part], ...]


class Attachment:
    """What `regularize` and `attach` return: it acts through the optimizer until `detach`."""

    def __init__(
        self, optimizer: Optimizer, slots: Sequence[Slot], assignment: Assignment | None = None
    ) -> None:
        self._optimizer = optimizer
        self._slots = tuple(slots)
        self._assignment = assignment
        self._updates = tuple(update for slot in slots for update in slot.updates)
        self._moving: list[Slot] = []
        self._loss_taken, self._warned = False, False
        _check_optimizer(optimizer, self._slots)
        self._handles = (
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        )
        _ATTACHED.add(optimizer)

    def table(self) -> str:
        """Return who is penalised by what, and why not, as text."""
        if self._assignment is None:
            names = [
                f"{slot.target.name}: {', '.join(t for t, _ in slot.parts)}" for slot in self._slots
            ]
            return "\n".join(names)
        return str(self._assignment)

    @property
    def assignment(self) -> Assignment | None:
        """The table as records; None where `attach` was given tensors without names."""
        return self._assignment

    @property
    def strengths(self) -> dict[str, Any]:
        """The strength of each term, by the term's text."""
        if self._assignment is not None:
            return {repr(term): term.strength for term in self._assignment.terms}
        return {term: part.strength for slot in self._slots for term, part in slot.parts}

    @torch.no_grad()
    def value(self) -> dict[str, Any]:
        """Return strength·penalty of each term now: a number, or one per stacked model."""
        totals: dict[str, Any] = {}
        for slot in self._slots:
            target = slot.target
            w, inner = target.view(target.parameter), min(1, target.stacked)
            for term, part in slot.parts:
                about = w if part.reference is None else w - part.reference
                found = part.penalty.value(about, inner)
                share = part.strength * (found if inner else float(found))
                totals[term] = totals[term] + share if term in totals else share
        return totals

    def loss(self) -> torch.Tensor:
        """Return the sum of the terms whose update is "loss", to be added to the data loss."""
        self._loss_taken = True
        values = [update.value() for update in self._updates if isinstance(update, Loss)]
        return sum(values[1:], values[0]) if values else torch.zeros(())

    def detach(self) -> None:
        """Take the hooks off the optimizer; the terms act no more."""
        self._release()
        for handle in self._handles:
            handle.remove()
        _ATTACHED.discard(self._optimizer)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs beside the optimizer's own state: plain numbers."""
        buffers = {
            update.target.name: update.buffer
            for update in self._updates
            if isinstance(update, Proximal) and update.buffer is not None
        }
        return {"momentum": buffers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the state of an attachment with the same parameters.

        Raises:
            InputError: names of parameters that this attachment does not have.
        """
        proximal = {u.target.name: u for u in self._updates if isinstance(u, Proximal)}
        for name, buffer in dict(state.get("momentum", {})).items():
            if name not in proximal:
                hint = near_names(name, proximal) or "load it into the same model and terms"
                raise InputError(f"expected the state of known parameters, came {name}: {hint}")
            proximal[name].buffer = float(buffer)

    def _before_step(self, _optimizer: Optimizer, args: Any, kwargs: dict) -> Any:
        """Act before the step, or, with a closure, between the closure and the step."""
        self._release()
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._begin()
            return None
        if any(update.changes_gradient for update in self._updates):
            raise UnsupportedOptimizer(
                "expected step() without a closure for update='gradient', came a closure, which "
                "computes the gradients anew: call it before step(), or use another update"
            )

        def closure_then_updates() -> Any:
            loss = closure()
            self._begin()
            return loss

        if len(args) > 1:
            return (args[0], closure_then_updates, *args[2:]), kwargs
        return args, {**kwargs, "closure": closure_then_updates}

    @torch.no_grad()
    def _begin(self) -> None:
        self._moving = []
        found_inf = getattr(self._optimizer, "found_inf", None)
        if found_inf is not None and float(found_inf) != 0:
            return  # a fused optimizer under a gradient scaler: it will not move
        scaler = getattr(self._optimizer, "grad_scale", None)
        scale = 1.0 if scaler is None else float(scaler)
        for slot in self._slots:
            parameter = slot.target.parameter
            if parameter.grad is not None:
                self._moving.append(slot)
                moment = self._moment(slot, scale)
                for update in slot.updates:
                    update.before(moment)

    @torch.no_grad()
    def _after_step(self, *_: Any) -> None:
        for slot in self._moving:
            moment = self._moment(slot)
            for update in slot.updates:
                update.after(moment)
        self._moving = []
        self._check_loss_taken()

    def _moment(self, slot: Slot, scale: float = 1.0) -> Moment:
        """Return what the optimizer holds now: `load_state_dict` replaces groups and state."""
        group = self._optimizer.param_groups[slot.group]
        return Moment(group, self._optimizer.state.get(slot.target.parameter, {}), scale)

    def _release(self) -> None:
        """Give back gradients that a step which raised has left behind."""
        for update in self._updates:
            update.release()

    def _check_loss_taken(self) -> None:
        needed = any(
            update.needs_loss and not all(part.is_absent for part in update.parts)
            for update in self._updates
        )
        if needed and not self._loss_taken and not self._warned:
            self._warned = True
            warnings.warn(
                "a step was taken without attachment.loss(), so the terms with update='loss' had "
                "no effect on it: add attachment.loss() to the loss before backward()",
                UserWarning,
                stacklevel=4,
            )
        self._loss_taken = False


def attach(
    optimizer: Optimizer,
    assignments: Mapping[torch.Tensor, Iterable[Any]],
    *,
    stacked: int = 0,
    update: str = "proximal",
) -> Attachment:
    """Attach parts to tensors of an optimizer, one model or many stacked in each tensor.

    Args:
        optimizer: the optimizer that holds the tensors.
        assignments: parameter → parts. A part is an object with strength, penalty, reference and
            update (as `shrinkage.terms.AssignedPart`) or a tuple (strength, penalty),
            (strength, penalty, reference) or (strength, penalty, reference, update). A strength
            is a number or a tensor of shape parameter.shape[:stacked]; a reference has the shape
            of the parameter, or of one model in it.
        stacked: how many leading axes of every tensor run over models.
        update: of parts that name none.

    Returns:
        The `Attachment`.

    Raises:
        InputError: a tensor that the optimizer does not hold, a bad strength or update.
        UnsupportedOptimizer: an update that cannot be right with this optimizer.
        OverlapError: parts without a closed form.

    >>> from shrinkage.penalties import L1
    >>> w = torch.nn.Parameter(torch.tensor([[1.0, -0.05], [1.0, -0.05]]))
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> _ = attach(optimizer, {w: [(torch.tensor([0.0, 1.0]), L1())]}, stacked=1)
    >>> w.grad = torch.zeros_like(w)
    >>> optimizer.step()
    >>> w.data
    tensor([[ 1.0000, -0.0500],
            [ 0.9000,  0.0000]])
    """
    checked_update(update)
    tools = Tools(optimizer, Scratch())
    places = {
        id(parameter): index
        for index, group in enumerate(optimizer.param_groups)
        for parameter in group["params"]
    }
    slots = []
    for index, (parameter, parts) in enumerate(assignments.items()):
        if id(parameter) not in places:
            raise InputError(
                f"expected parameters of the optimizer, came number {index} of shape "
                f"{tuple(parameter.shape)} that it does not hold: add it to the optimizer"
            )
        target = Target(str(index), parameter, stacked)
        given = [_normalized(part, update, target) for part in parts]
        slots.append(make_slot(target, places[id(parameter)], given, tools))
    return Attachment(optimizer, slots)


def make_slot(
    target: Target, group: int, given: Sequence[tuple[str, str, Part]], tools: Tools
) -> Slot:
    """Return the slot of one parameter from its (term, update, part) triples."""
    by_update: dict[str, list[Part]] = {}
    for _, update, part in given:
        by_update.setdefault(update, []).append(part)
    updates = tuple(UPDATES[update](parts, target, tools) for update, parts in by_update.items())
    return Slot(target, group, updates, tuple((term, part) for term, _, part in given))


def _normalized(part: Any, update: str, target: Target) -> tuple[str, str, Part]:
    """Return (term, update, part) from a tuple or an object, the strength checked."""
    if isinstance(part, tuple):
        strength, penalty, *rest = part
        reference, own = (*rest, None, None)[:2]
    else:
        strength, penalty, reference = part.strength, part.penalty, part.reference
        own = getattr(part, "update", None)
    models = tuple(target.parameter.shape[: target.stacked])
    if isinstance(strength, torch.Tensor):
        if tuple(strength.shape) != models:
            raise InputError(
                f"expected one strength per model, of shape {models}, came "
                f"{tuple(strength.shape)}: give a number or a tensor of that shape"
            )
        if not bool(((strength >= 0) & torch.isfinite(strength)).all()):
            raise InputError(
                f"expected finite strengths of at least 0, came {strength.tolist()}: correct them"
            )
        strength = (
            strength.detach().to("cpu", torch.float64).flatten() if models else float(strength)
        )
    checked = as_part(Part(strength, penalty, reference), target.parameter)
    if checked.reference is not None and models:
        everywhere = checked.reference.expand(target.parameter.shape)
        checked = replace(checked, reference=everywhere.flatten(0, len(models) - 1))
    return repr(penalty), checked_update(own or update), checked


def _check_optimizer(optimizer: Optimizer, slots: Sequence[Slot]) -> None:
    if optimizer in _ATTACHED:
        raise InputError(
            "expected an optimizer without terms, came one that has some: "
            "call detach() on its attachment first, or give all terms at once"
        )
    acting = [u for slot in slots for u in slot.updates if not isinstance(u, Loss)]
    for kind, reason in REFUSED.items():
        if acting and isinstance(optimizer, kind):
            raise UnsupportedOptimizer(
                f"expected an optimizer that can be shrunk around, came {kind.__name__}: "
                f"{reason}; use update='loss'"
            )
    for slot in slots:
        _check_group(slot, optimizer.param_groups[slot.group])


def _check_group(slot: Slot, group: Mapping[str, Any]) -> None:
    name = slot.target.name
    acting = any(not isinstance(update, Gradient | Loss) for update in slot.updates)
    if acting and "lr" not in group:
        raise UnsupportedOptimizer(
            f"expected a learning rate in the optimizer's groups, came none for {name}: "
            "use update='gradient' or 'loss'"
        )
    if group.get("differentiable") and slot.updates:
        raise UnsupportedOptimizer(
            "expected an optimizer with differentiable=False, came one that is differentiated "
            "through: use penalty_loss"
        )
    if group.get("maximize") and any(update.needs_loss for update in slot.updates):
        raise UnsupportedOptimizer(
            f"expected update='loss' with a loss to be minimized, came maximize=True for {name}: "
            "use another update"
        )
