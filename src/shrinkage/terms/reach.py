"""How far a prox in an optimizer's metric may bring a weight.

Who uses this: `ProximalSum.prox`, and the frameworks, which say what an optimizer's reach is: how
far it moves a weight in one step, by a steady gradient or just now, whichever is more. For Adam
that is the learning rate lr, or lr·|m̂|/(√v̂ + ε).

Adam's metric is lr/(√v̂ + ε), and lr/ε where no gradient has come yet: under a head that starts at
zero, one prox with 1e-4 · L2 would take 92 % of the norm of a pretrained body. So a prox goes no
farther than `FARTHEST` times the reach. At an optimum the gradient is as large as the penalty's
pull, √v̂ too, and the prox brings a weight as far back as the optimizer has moved it, one reach:
any bound above that leaves the optimum and its zeros as they are; at one, rounding decides. And a
weight that a rare gradient has just pushed away from zero can be brought back, however far that is.
"""

from __future__ import annotations

from shrinkage.arrays import Array, floating_library

FARTHEST = 2.0


def within_reach(moved: Array, w: Array, reach: Array) -> Array:
    """Return `moved`, no farther from `w` than `FARTHEST` times the reach; zeros stay +0.0.

    Args:
        moved: weights after a prox.
        w: weights before it.
        reach: broadcastable to `w`, in its dtype.

    Returns:
        A new array; `moved` bit for bit where it is near enough.

    >>> import numpy as np
    >>> within_reach(np.zeros(2), np.array([0.3, -3.0]), np.array(0.5))
    array([ 0., -2.])
    """
    library = floating_library(w)
    with library.quiet():
        farthest = FARTHEST * reach
        return library.clip(moved, w - farthest, w + farthest)
