"""Gradients that a loop scales between two backward passes, as the second one meets them.

Who uses this: `watch`. What clips the data's gradient and has the penalty's pass come after it adds
the penalty to what is left: at the step nothing is seen of that any more.
"""

from __future__ import annotations

import torch

from shrinkage.pytorch.audits.glance import some
from shrinkage.pytorch.audits.scaled import ratio_of

Pair = tuple[torch.Tensor, torch.Tensor]
_WHOLE = 1e-7


def rescaled(made: torch.Tensor | None, standing: torch.Tensor | None) -> Pair | None:
    """Return a gradient as made and as another pass meets it, None where it is not scaled.

    Args:
        made: as the pass before has left it.
        standing: as it stands.

    >>> rescaled(torch.ones(2), torch.full((2,), 0.3))
    (tensor([1., 1.]), tensor([0.3000, 0.3000]))
    >>> rescaled(torch.ones(2), torch.full((2,), 0.5)), rescaled(torch.ones(2), torch.ones(2))
    (None, None)
    """
    if made is None or standing is None or standing.is_sparse:
        return None
    if torch.equal(some(made), some(standing)):
        return None
    ratio = ratio_of(made, standing)
    return (made, standing.clone()) if ratio and not is_whole(1 / ratio) else None


def is_whole(divisor: float) -> bool:
    """Return whether a loop divides by a whole number: it makes a mean, and clips nothing.

    >>> is_whole(4.0), is_whole(1.5)
    (True, False)
    """
    return abs(divisor / max(1, round(divisor)) - 1) <= _WHOLE
