"""Who is penalised through which optimizer: asked at first, and anew when parameters join one.

Who uses this: `regularize`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils.weak import WeakIdKeyDictionary

from shrinkage.errors import InputError
from shrinkage.parameters import ParameterInfo
from shrinkage.pytorch.held import places_of, still_held
from shrinkage.pytorch.parameters import describe
from shrinkage.pytorch.prox.soft import Workspace
from shrinkage.pytorch.slots import Slot, make_slot
from shrinkage.pytorch.updates import UPDATES, Tools
from shrinkage.terms import Assignment, StepPlan, Terms, assign


class Penalised:
    """The penalised parameters of a model, each with the optimizer that holds it.

    Args:
        optimizers: by their names; of one alone the name is never told.
        model: gives the parameters their names and roles.
        terms: the terms.
        update: of terms that name none.
    """

    def __init__(
        self, optimizers: Mapping[str, Optimizer], model: nn.Module, terms: Terms, update: str
    ) -> None:
        self._optimizers, self._model = optimizers, model
        self._terms, self._update = terms, update
        workspace = Workspace()
        self._tools = {name: Tools(own, workspace) for name, own in optimizers.items()}
        self._first = WeakIdKeyDictionary({tensor: info.name for info, tensor in describe(model)})

    def assignment(self) -> Assignment:
        """Return who is penalised as things stand: layers thaw, parameters join an optimizer."""
        held = {place for own in self._optimizers.values() for place in places_of(own)}
        infos = (
            info
            for info, tensor in describe(self._model)
            if tensor in self._first or id(tensor) in held
        )
        return assign(infos, self._terms, self._update, allowed=tuple(UPDATES))

    def updates(self, name: str) -> frozenset[str]:
        """Return the updates of the terms on the parameters of an optimizer."""
        places = places_of(self._optimizers[name])
        held = (plan for _, tensor, plan in self._planned() if id(tensor) in places)
        return frozenset(part.update for plan in held for part in plan.parts)

    def slots(self) -> dict[str, list[Slot]]:
        """Return the slots of each optimizer; frozen parameters may join one later.

        Raises:
            InputError: a penalised parameter that trains and that no optimizer holds, or two do.
        """
        self._check_held_once()
        return {name: self.as_things_stand(name, []) for name in self._optimizers}

    def as_things_stand(self, name: str, known: Sequence[Slot]) -> list[Slot]:
        """Return the slots of the penalised parameters that model and an optimizer have now."""
        own = self._optimizers[name]
        places, kept = places_of(own), {id(s.parameter): s for s in still_held(own, known)}
        return [
            kept.get(id(tensor))
            or make_slot(info.name, tensor, places[id(tensor)], plan, self._tools[name])
            for info, tensor, plan in self._planned()
            if id(tensor) in places
        ]

    def _planned(self) -> Iterator[tuple[ParameterInfo, torch.nn.Parameter, StepPlan]]:
        """Yield the parameters that have terms, or would have them if they trained."""
        described = describe(self._model)
        trains = (replace(info, trainable=True) for info, _ in described)
        plans = assign(trains, self._terms, self._update, allowed=tuple(UPDATES)).plans
        for info, tensor in described:
            if plans[info.name]:
                yield info, tensor, plans[info.name]

    def _check_held_once(self) -> None:
        held = {name: places_of(own) for name, own in self._optimizers.items()}
        outside = []
        for info, tensor, _ in self._planned():
            holders = [name for name, places in held.items() if id(tensor) in places]
            if len(holders) > 1:
                raise InputError(
                    f"expected each penalised parameter in one optimizer, got {info.name} in "
                    f"{' and '.join(holders)}: leave it to one of them, or select others"
                )
            if not holders and info.trainable:
                outside.append(info.name)
        if outside:
            where = "the optimizer" if len(held) == 1 else "one of the optimizers"
            raise InputError(
                f"expected every penalised parameter in {where}, got "
                f"{', '.join(outside[:5])} outside of it: build the optimizer from this model's "
                "parameters, give all its optimizers as a list, or select others"
            )
