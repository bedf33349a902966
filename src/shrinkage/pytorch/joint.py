"""Terms on a model that several optimizers train: one attachment each, one object to talk to.

Who uses this: `regularize`, where it is given a list or a dict of optimizers: the two of a GAN, or
Muon for matrices beside AdamW for the rest. Each parameter is a slot of the optimizer that holds
it, and each optimizer counts its own steps, so that schedules follow whoever moves the parameter.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch

from shrinkage.errors import InputError
from shrinkage.pytorch.attached import refuse_pickle
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.ledger import Ledger
from shrinkage.pytorch.slots import Slot
from shrinkage.terms import Assignment, Term


class JointAttachment:
    """What `regularize` returns for several optimizers: an `Attachment` each, asked as one.

    Args:
        attachments: by the name of the optimizer: its key, or its number in the list. They share
            one assignment and one ledger.

    >>> from torch import nn
    >>> from shrinkage import L1
    >>> from shrinkage.pytorch import regularize
    >>> model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    >>> both = [torch.optim.SGD(layer.parameters(), lr=0.1) for layer in model]
    >>> joint = regularize(both, model, 0.5 * L1())
    >>> {name: [slot.target.name for slot in own.slots] for name, own in joint.attachments.items()}
    {'0': ['0.weight'], '1': ['1.weight']}
    """

    def __init__(self, attachments: Mapping[str, Attachment]) -> None:
        self.attachments = MappingProxyType(dict(attachments))
        self._all = tuple(self.attachments.values())

    def __deepcopy__(self, memo: dict[int, Any]) -> JointAttachment:
        """Return itself, as an attachment does."""
        for own in self._all:
            copy.deepcopy(own, memo)
        return self

    __reduce__ = refuse_pickle

    @property
    def assignment(self) -> Assignment | None:
        """Who is penalised by what, and why not."""
        return self._all[0].assignment

    @property
    def ledger(self) -> Ledger:
        """The record of training, with one record for each optimizer at a recorded step."""
        return self._all[0].ledger

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The parameters with their updates, one optimizer's after another's."""
        return tuple(slot for own in self._all for slot in own.slots)

    @property
    def steps(self) -> dict[str, int]:
        """How many steps each optimizer has taken with terms; 0 where it holds nothing with any."""
        return {name: own.steps for name, own in self.attachments.items()}

    @property
    def strengths(self) -> dict[str, Any]:
        """The strength of each term now, by its id; of two optimizers that of the first with it."""
        now = self._all[0].strengths
        for own in reversed(self._all):
            held = {part.term for slot in own.slots for part in slot.plan.parts}
            now |= {term: value for term, value in own.strengths.items() if term in held}
        return now

    @property
    def given_strengths(self) -> tuple[Any, ...]:
        """The strengths as they were set, by number of term, without the schedules' factors."""
        return self._all[0].given_strengths

    def set_strength(self, term: Term | str | int, value: float) -> None:
        """Give a term another strength from the next step on, whichever optimizer takes it."""
        for own in self._all:
            own.set_strength(term, value)

    def table(self) -> str:
        """Return who is penalised by what, and why not, as text."""
        return self._all[0].table()

    def value(self) -> dict[str, Any]:
        """Return strength·penalty of each term now, over all optimizers, by its id."""
        totals: dict[str, Any] = {}
        for own in self._all:
            for term, value in own.value().items():
                totals[term] = totals[term] + value if term in totals else value
        return totals

    def loss(self) -> torch.Tensor:
        """Return the sum of the terms whose update is "loss", to be added to the data loss."""
        first, *others = (own.loss() for own in self._all)
        return sum(others, first)

    def note_loss(self, loss: Any) -> None:
        """Tell the ledger the data loss of the coming step: a number or a tensor."""
        self.ledger.note_loss(loss)

    @property
    def freeze_zeros(self) -> bool:
        """Whether weights that a penalty has made zero stay zero, whatever the optimizers do."""
        return self._all[0].freeze_zeros

    @freeze_zeros.setter
    def freeze_zeros(self, value: bool) -> None:
        for own in self._all:
            own.freeze_zeros = value

    def plot(self) -> Any:
        """Return a matplotlib figure of the ledger."""
        return self._all[0].plot()

    def detach(self) -> None:
        """Take the hooks off all optimizers; the terms act no more."""
        for own in self._all:
            own.detach()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs beside the optimizers' states: numbers and tensors."""
        own = {name: _without_ledger(a.state_dict()) for name, a in self.attachments.items()}
        return {"optimizers": own, "ledger": self.ledger.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the state of a joint attachment with the same optimizers' names.

        Raises:
            InputError: names of optimizers, or of parameters, that this attachment has not.
        """
        states = state.get("optimizers", {})
        if states.keys() != self.attachments.keys():
            raise InputError(
                f"expected the state of the optimizers {', '.join(self.attachments)}, got that of "
                f"{', '.join(states) or 'none'}: give regularize the optimizers that it was saved "
                "with, under the same names"
            )
        for name, own in self.attachments.items():
            own.load_state_dict(states[name])
        if "ledger" in state:
            self.ledger.load_state_dict(state["ledger"])


def _without_ledger(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "ledger"}
