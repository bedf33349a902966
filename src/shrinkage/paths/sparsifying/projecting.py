"""Down to a number of weights or inputs: one cardinality over several arrays, in one metric.

Who uses this: the network that goes down a ladder of sizes. `Cardinality` is a penalty of one
array; all counted weights laid end to end are one, so that a layer keeps what is large in the whole
network and no share has to be set by hand (Han et al. 2015 by magnitude; here by Σ w²/step in the
optimizer's own metric, the proximal step of the constraint). Whole inputs are units of Σ w²/step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

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


def project_inputs(
    weight: torch.Tensor, scores: torch.Tensor, sources: Sequence[int], keep: int
) -> None:
    """Keep the source columns with the largest sums of scores, in place.

    Args:
        weight: of the first layer, (units, inputs), changed in place.
        scores: w²/step of each weight.
        sources: the number of the column that each input comes from.
        keep: how many columns.
    """
    with torch.no_grad():
        own = scores.sum(0)
        places = torch.tensor(sources, device=own.device)
        total = torch.zeros(int(places.max()) + 1, dtype=own.dtype, device=own.device)
        stays = largest(total.index_add_(0, places, own).sqrt(), keep)[places]
        weight.masked_fill_(~stays, 0.0)


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
