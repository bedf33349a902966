"""Down to a number of weights, units or columns, and what has become zero stays zero.

Who uses this: the network that goes down a ladder of sizes. `Cardinality` is a penalty of one
array; all counted weights laid end to end are one, so that a layer keeps what is large in the whole
network and no share has to be set by hand (Han et al. 2015 by magnitude; here by Σ w²/step in the
optimizer's own metric, the proximal step of the constraint). Columns leave the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch

from shrinkage.paths.engines.lone import Lone
from shrinkage.paths.engines.read_columns import ReadColumns
from shrinkage.penalties import Cardinality
from shrinkage.pytorch.zeros import FrozenZeros


def project_weights(
    arrays: Sequence[torch.Tensor], scores: Sequence[torch.Tensor], keep: int
) -> None:
    """Keep the weights of several arrays with the largest scores, in place.

    Args:
        arrays: weights, changed in place.
        scores: w²/step of each weight.
        keep: how many, of all arrays together.
    """
    with torch.no_grad():
        root = torch.cat([own.sqrt().flatten() for own in scores])
        places = largest(root, keep).split([own.numel() for own in arrays])
        for own, mask in zip(arrays, places, strict=True):
            own.masked_fill_(~mask.view_as(own), 0.0)


def largest(root: torch.Tensor, keep: int) -> torch.Tensor:
    """Return the places of the largest numbers, all of them above 0."""
    if keep >= len(root):
        return root > 0
    return Cardinality(keep=keep).prox(root, 1.0) > 0


class Held:
    """Zeros of several arrays, put back after every step; those of a projection are added."""

    def __init__(self, arrays: Sequence[torch.Tensor]) -> None:
        self._arrays = tuple(arrays)
        self._zeros = tuple(FrozenZeros() for _ in arrays)

    def learn(self) -> None:
        """Take the zeros that are there as ones that stay."""
        self._hold(grow=True)

    def hold(self) -> None:
        """Put them back."""
        self._hold(grow=False)

    def _hold(self, *, grow: bool) -> None:
        with torch.no_grad():
            for own, zeros in zip(self._arrays, self._zeros, strict=True):
                zeros.hold(own, grow=grow)


class Shrinking(Protocol):
    """A network in training of which something is made few; `alone` if `hold` is for each step."""

    @property
    def alone(self) -> bool:
        """Return whether zeros have to be put back after every step."""
        ...

    def keep(self, count: int) -> None:
        """Keep so many, those of the largest w²/step; the others are zero from now on."""
        ...

    def hold(self) -> None:
        """Put the zeros back."""
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """Return a copy of the parameters and buffers, in their first shapes."""
        ...


class HeldZeros:
    """A network whose arrays stay as large as they are.

    Args:
        network: in training.
        names: of the parameters in which zeros are made, and held.
        project: makes all but so many zero.
    """

    alone = True

    def __init__(self, network: Lone, names: Sequence[str], project: Callable[[int], None]) -> None:
        self._network, self._project = network, project
        self._held = Held([network.parameter(name) for name in names])

    def keep(self, count: int) -> None:
        """Project, and hold what is zero then."""
        self._project(count)
        self._held.learn()

    def hold(self) -> None:
        """Put the zeros back."""
        self._held.hold()

    def state(self) -> dict[str, torch.Tensor]:
        """Return what the network has."""
        return self._network.state()


class LeavingColumns:
    """A network whose columns leave.

    Args:
        network: in training.
        columns: that it reads.
        names: of all parameters whose zeros stay, if others than columns are made.
    """

    def __init__(self, network: Lone, columns: ReadColumns, names: Sequence[str]) -> None:
        self._network, self._columns, self._names = network, columns, names
        self.alone = bool(names) or not columns.are_cut
        self._held = Held(())

    def keep(self, count: int) -> None:
        """Let the others leave; arrays that are held may be new ones then."""
        self._held.hold()
        self._columns.keep_largest(count)
        self._held = Held([self._network.parameter(name) for name in self._names])
        self._held.learn()

    def hold(self) -> None:
        """Put back the zeros that are in the arrays."""
        self._columns.hold()
        self._held.hold()

    def state(self) -> dict[str, torch.Tensor]:
        """Return what the network has, with zeros where columns have left."""
        return self._columns.state()
