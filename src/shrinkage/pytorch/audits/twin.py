"""A copy of a model with its optimizer, set back to the same start before every run.

Who uses this: `audit`. The caller's model and optimizer are read, never written: one copy is made,
and each run begins with the caller's weights, buffers, optimizer state and hyperparameters. The
copy's strengths are multiplied by a scale: its `weight_decay`, and terms that `regularize` has
attached to the caller's optimizer.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from shrinkage.errors import InputError
from shrinkage.pytorch.attached import attachment_of
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.audits.copying import copied
from shrinkage.pytorch.audits.counterparts import counterparts, state_pairs, tensor_pairs
from shrinkage.pytorch.audits.glance import has_nonzero
from shrinkage.pytorch.audits.optimizer_copies import copied_optimizer, in_float64, take_over
from shrinkage.pytorch.audits.snapshot import Snapshot
from shrinkage.pytorch.held import places_of
from shrinkage.pytorch.optimizers import OwnDecay, facts_of
from shrinkage.pytorch.optimizers.own_rates import own_rates, rate_of
from shrinkage.pytorch.parameters import describe
from shrinkage.pytorch.regularize import regularize
from shrinkage.terms import Terms

_FAINT = 2.0**-80  # times a decay: 0 beside any weight, and still told from what a loop sets
_JITTER = 0.01  # what weights of zeros, on which no penalty could be seen, are set to


class Twin:
    """The copy; `names` are the model's parameters, by which everything else goes.

    Args:
        model: the caller's.
        optimizer: the caller's.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer) -> None:
        memo: dict[int, Any] = {}
        self.their_optimizer = optimizer
        self.model: nn.Module = copied(model, memo, "model")
        self.optimizer = copied_optimizer(optimizer, memo)
        self.counterparts = counterparts(model, optimizer, self.model, self.optimizer)
        self._states = list(state_pairs(optimizer, memo))
        every = describe(model)
        self.complex = [pair for pair in every if not pair[0].real]  # which are not looked at
        self.described = [pair for pair in every if pair[0].real]
        self.theirs = {info.name: tensor for info, tensor in self.described}
        own = [pair for pair in describe(self.model) if pair[0].real]
        self.parameters = {info.name: tensor for info, tensor in own}
        self.infos = tuple(info for info, _ in own)
        places = places_of(self.optimizer)
        self._places = {
            name: places[id(tensor)]
            for name, tensor in self.parameters.items()
            if id(tensor) in places
        }
        self._groups, self._first = _settings(optimizer), _settings(optimizer)
        self._stepped: list[dict[str, Any]] = []  # the groups with which the loop steps
        self._modes = [module.training for module in model.modules()]
        held = [group["params"] for group in self.optimizer.param_groups]
        sources = {}
        for theirs, copy_of_it in tensor_pairs(model, optimizer, self.model, self.optimizer):
            tags = copied(vars(theirs), memo, "parameter")  # torch leaves them out of its copies
            vars(copy_of_it).update(tags)
            sources[id(copy_of_it)] = theirs.detach()
        self._snapshot = Snapshot({"model": self.model, "optimizer": held}, sources)
        self._jitter = _jitter(self.described)
        self.zeros = frozenset(self._jitter)  # parameters of zeros, which are looked at elsewhere
        self.start = {
            info.name: self._jitter.get(info.name, tensor.detach())
            for info, tensor in self.described
        }
        self.attachment: Attachment | None = None
        self.steps_bare = (
            True  # whether the optimizer can step, and steps alike, outside of the loop
        )
        self.decays_are_news = False  # whether a loop has set others than were known
        self.decays_are_set = False  # … or any
        self.behind_step: Callable[[], None] = _nothing  # between the step and what follows it
        self._own_rates = own_rates(optimizer)
        self._is_new = True  # whether the copy is as it was made
        self._decays_by = 0.0  # what every decay is multiplied by
        self._multiplied: dict[int, float] = {}  # groups whose decay the loop multiplies itself

    @property
    def their_attachment(self) -> Attachment | None:
        """What the caller has attached to the optimizer."""
        return attachment_of(self.their_optimizer)

    @torch.no_grad()
    def reset(
        self,
        scale: float,
        *,
        bare: bool = False,
        decays: bool = True,
        attached: bool = True,
        zeros: bool = False,
    ) -> None:
        """Go back to the start, with every strength that the library can reach times `scale`.

        Args:
            scale: multiplies terms and `weight_decay`.
            bare: leave out the terms and the decay, whatever the scale.
            decays: whether the optimizer's own decay stays.
            attached: whether attached terms keep their strengths.
            zeros: whether parameters of zeros stay so.
        """
        self._decays_by = scale if decays and not bare else 0.0
        if self.attachment is not None:
            self.attachment.detach()
            self.attachment = None
        if not self._is_new:
            self._snapshot.restore()
        stuck = self._snapshot.stuck()
        if stuck is not None:
            raise InputError(
                f"expected a model that can be set back to its start, got {stuck}: use "
                "shrinkage.audit, which takes arrays from before and after a step"
            )
        for name, jitter in () if zeros else self._jitter.items():
            self.parameters[name].copy_(jitter)
        for info, theirs in self.described:
            gradient = None if bare else theirs.grad  # a bare step is given its own
            own = None if gradient is None else gradient.detach().clone()
            self.parameters[info.name].grad = own
        self._reset_optimizer()
        self._is_new = False
        if bare:
            self.as_stepped(self.optimizer, self.parameters)
            return
        self._reset_modes()
        if self.their_attachment is not None:
            self.attachment = self._attached(self.their_attachment, scale if attached else 0.0)

    def settle_groups(self) -> None:
        """Take what the loop has set in the groups, or added to them, for the optimizer's.

        Its `weight_decay` is scaled, and a bare step is taken with what it has set.
        """
        self._follow_theirs()
        names = {id(tensor): name for name, tensor in self.parameters.items()}
        for place, group in enumerate(self.optimizer.param_groups):
            if place == len(self._groups):
                self._groups.append({"weight_decay": 0.0})
            values = self._groups[place]
            now, known = (float(read.get("weight_decay", 0) or 0) for read in (group, values))
            handed = known * (self._decays_by or _FAINT)
            self.decays_are_set |= now != handed
            if now and now != handed and now < known * _FAINT**0.5:  # what it was, times a number
                self._multiplied[place] = now / handed
            elif now and now != handed and place not in self._multiplied:
                self.decays_are_news |= now != known
                values["weight_decay"] = now
                group["weight_decay"] = now * self._decays_by
            if not self._decays_by and "weight_decay" in group:
                group["weight_decay"] = 0.0
            for tensor in group["params"]:
                if id(tensor) in names:
                    self._places.setdefault(names[id(tensor)], place)
        self._stepped = _settings(self.optimizer)

    def _follow_theirs(self) -> None:
        """Set what the step has set in the caller's groups, as a schedule does that holds them."""
        theirs = self.their_optimizer.param_groups
        for own, first, now in zip(self.optimizer.param_groups, self._first, theirs, strict=False):
            changed = {key for key in first if key in now and not _is_same(first[key], now[key])}
            own.update({key: copy.deepcopy(now[key]) for key in changed})

    def as_stepped(self, optimizer: Optimizer, parameters: Mapping[str, torch.Tensor]) -> None:
        """Give a bare optimizer the groups with which the loop steps, without their decay.

        Args:
            optimizer: a copy of the caller's, as that was.
            parameters: what it holds, by name.
        """
        groups = optimizer.param_groups
        held = {id(tensor) for group in groups for tensor in group["params"]}
        for place, values in enumerate(self._stepped):
            added = [
                tensor
                for name, tensor in parameters.items()
                if self._places.get(name) == place and id(tensor) not in held
            ]
            if place < len(groups):
                groups[place].update(copy.deepcopy(values))
                groups[place]["params"].extend(added)
            else:
                optimizer.add_param_group({**copy.deepcopy(values), "params": added})
        for group in groups:
            if group.get("weight_decay"):
                group["weight_decay"] = 0.0

    def widen(self) -> None:
        """Go on in float64: what moves by less than a rounding of the weights is seen there."""
        in_float64(self.parameters, self.optimizer)

    @contextlib.contextmanager
    def narrowed(self) -> Iterator[None]:
        """Give the parameters their own storage and dtype back at the end."""
        storages = {name: tensor.data for name, tensor in self.parameters.items()}
        try:
            yield
        finally:
            for name, storage in storages.items():
                self.parameters[name].data = storage

    def held_back(self) -> frozenset[str]:
        """Return the parameters of whose shrinks attached terms hold back a part."""
        slots = self.attachment.slots if self.attachment is not None else ()
        waiting = {id(slot.parameter) for slot in slots if slot.target.resolution.is_waiting}
        return frozenset(n for n, tensor in self.parameters.items() if id(tensor) in waiting)

    @property
    def held(self) -> frozenset[str]:
        """The names of the parameters that the optimizer holds."""
        return frozenset(self._places)

    def group_of(self, name: str) -> dict[str, Any] | None:
        """Return the parameter group of a parameter, None where the optimizer does not hold it."""
        place, groups = self.place_of(name), self.optimizer.param_groups
        return None if place is None or place >= len(groups) else groups[place]

    def place_of(self, name: str) -> int | None:
        """Return the number of a parameter's group, None where the optimizer does not hold it."""
        return self._places.get(name)

    def rate_of(self, name: str) -> float:
        """Return the learning rate of a parameter: 1 without one, 0 outside the optimizer."""
        group = self.group_of(name)
        return 0.0 if group is None else self.rate_in(group)

    def refuse_complex(self, terms: Terms | None) -> None:
        """Refuse complex parameters that terms, or the optimizer's decay, are on.

        Args:
            terms: what should arrive, None for what the optimizer decays.
        """
        groups = self.their_optimizer.param_groups
        decayed = {id(p) for group in groups if group.get("weight_decay") for p in group["params"]}
        for info, tensor in self.complex:
            if terms is None:
                is_meant = id(tensor) in decayed
            else:
                is_meant = any(term.selection.within_weights()(info) for term in terms)
            if is_meant and tensor.requires_grad:
                raise InputError(
                    f"expected real parameters, got {info.name} of dtype {tensor.dtype}: select "
                    "others, or hold its real and imaginary parts as two parameters"
                )

    @property
    def finds_its_rate(self) -> bool:
        """Whether the optimizer multiplies its learning rate by numbers that it finds itself."""
        return bool(self._own_rates)

    def rate_in(self, group: Mapping[str, Any]) -> float:
        """Return a group's learning rate, 1 where it has none: optimizers that find their own."""
        return 1.0 if group.get("lr") is None else rate_of(group, self._own_rates)

    def decay_of(self, name: str) -> float:
        """Return the caller's weight decay of a parameter."""
        place = self._places.get(name)
        return 0.0 if place is None else self.decays_of_groups[place]

    @property
    def decays_of_groups(self) -> tuple[float, ...]:
        """The weight decay with which every parameter group steps, whatever that holds."""
        return tuple(
            float(group.get("weight_decay", 0) or 0) * self._multiplied.get(place, 1.0)
            for place, group in enumerate(self._groups)
        )

    def known_decay_of(self, name: str) -> OwnDecay:
        """Return what is known of the way in which the optimizer decays a parameter."""
        group = self.group_of(name)
        return OwnDecay.NONE if group is None else facts_of(self.optimizer).decay_in(group)

    @staticmethod
    def pick(tensor: torch.Tensor) -> torch.Tensor:
        """Return the numbers of a tensor that stand here: all."""
        return tensor.detach()

    @property
    def has_gradients(self) -> bool:
        """Whether a parameter of the copy has a gradient."""
        return any(parameter.grad is not None for parameter in self.parameters.values())

    def _reset_modes(self) -> None:
        """Train as the caller's model does; one that is in evaluation altogether is to train."""
        if not any(self._modes):
            self.model.train()
            return
        for module, training in zip(self.model.modules(), self._modes, strict=True):
            module.training = training

    def _reset_optimizer(self) -> None:
        """Copy the caller's optimizer anew, whatever a step may have left anywhere in it."""
        memo = dict(self.counterparts)
        for theirs, own in self._states:  # into the memory of before: new memory costs more
            if own.shape == theirs.shape and own.dtype == theirs.dtype:
                if not self._is_new:
                    own.detach().copy_(theirs.detach())
                memo[id(theirs)] = own
        take_over(self.optimizer, self.their_optimizer, memo)
        for group, values in zip(self.optimizer.param_groups, self._groups, strict=False):
            group.update(copy.deepcopy(values))  # a scheduler may have moved the caller's since
            decay = float(values.get("weight_decay", 0) or 0)
            if decay:
                group["weight_decay"] = decay * (self._decays_by or _FAINT)

    def _attached(self, theirs: Attachment, scale: float) -> Attachment:
        """Attach the caller's terms, scaled, to the copy."""
        assert theirs.assignment is not None
        terms = [
            term.scaled(scale * _ratio(theirs, number, term.strength))
            for number, term in enumerate(theirs.assignment.terms)
        ]
        freeze = theirs.freeze_zeros
        own = regularize(self.optimizer, self.model, terms, theirs.update, freeze_zeros=freeze)
        state = theirs.state_dict()
        state.pop("ledger", None)
        state["strengths"] = [term.strength for term in terms]
        own.load_state_dict(state)
        return own


def _settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Return copies of an optimizer's groups, without their parameters."""
    return [
        {key: copy.deepcopy(value) for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]


def _is_same(first: Any, second: Any) -> bool:
    """Return whether two values of a group are one."""
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        return torch.equal(first, second)
    return bool(first == second)


def _nothing() -> None:
    """Stand between an optimizer's step and what a loop does behind it."""


def _ratio(theirs: Attachment, number: int, strength: float) -> float:
    """Return how much of a term's first strength is set now."""
    now = theirs.given_strengths[number]
    return float(now) / strength if strength else 1.0


def _jitter(described: Any) -> dict[str, torch.Tensor]:
    """Return small numbers for parameters of zeros: a penalty on them could not be seen."""
    noises = {}
    generator = torch.Generator().manual_seed(0)
    for info, tensor in described:
        if tensor.numel() and not has_nonzero(tensor):
            noise = torch.randn(info.shape, generator=generator) * _JITTER
            noises[info.name] = noise.to(tensor.device, tensor.dtype)
    return noises
