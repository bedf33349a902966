"""Log-sum: what reweighting L1 again and again minimizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from shrinkage.arrays import Array, library_of
from shrinkage.checks import positive
from shrinkage.penalties.concave import ConcavePenalty, lower_of_zero_and
from shrinkage.penalties.options import option


@dataclass(frozen=True)
class LogSum(ConcavePenalty):
    """The log-sum penalty Σ ε·log(1 + |w|/ε), as steep at 0 as L1.

    The literature's Σ log(1 + |w|/ε) is this one divided by ε, so that its strength is ours times
    ε. Its prox is single-valued for steps up to ε; at longer ones it jumps, to the lower minimum.

    Args:
        epsilon: ε, above 0, in units of the weights: those far above it are hardly shrunk, and
            towards inf it is L1.

    Raises:
        InputError: `epsilon` is no number above 0.

    >>> import numpy as np
    >>> LogSum(epsilon=1.0).prox(np.array([4.0, 0.5]), 1.0).round(3)
    array([3.791, 0.   ])
    >>> LogSum(epsilon=1.0).gradient(np.array([3.0, -1.0, 0.0]))
    array([ 0.25, -0.5 ,  0.  ])

    Source: Candès, Wakin and Boyd, Enhancing sparsity by reweighted ℓ1 minimization, J. Fourier
    Anal. Appl. 14 (2008); the prox is the larger root of a quadratic, Gong et al., A general
    iterative shrinkage and thresholding algorithm, ICML (2013).
    """

    epsilon: float = field(
        default=0.1,
        metadata=option("weights far above it are hardly shrunk", variants=(1.0,)),
    )

    name: ClassVar[str] = "log-sum"
    also_called: ClassVar[tuple[str, ...]] = ("log-penalty",)
    formula: ClassVar[str] = "Σ ε·log(1 + |w|/ε)"
    summary: ClassVar[str] = "zeros, and weights far above ε are hardly shrunk"

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", positive(self.epsilon, "epsilon", "0.1 is usual"))

    def longest_step(self) -> float:
        """Return ε."""
        return self.epsilon

    def cost(self, size: Array, shape: Array) -> Array:  # noqa: ARG002
        """Return ε·log(1 + |w|/ε)."""
        return self.epsilon * library_of(size).log1p(size / self.epsilon)

    def slope(self, size: Array, shape: Array) -> Array:  # noqa: ARG002
        """Return ε/(ε + |w|)."""
        return 1 / (1 + size / self.epsilon)

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:
        """Return the larger root of u² + (ε − s)u + ε(step − s), or 0."""
        library, epsilon = library_of(size), self.epsilon
        total, reach = size + epsilon, 2 * library.sqrt(step * epsilon)
        root = library.sqrt(total - reach) * library.sqrt(total + reach)
        twice = size - epsilon + root
        # Below ε the difference loses digits: there the other form of the root.
        u = library.where(
            size < epsilon, 2 * epsilon * (size - step) / (epsilon - size + root), twice / 2
        )
        single = library.where(size > step, u, library.zeros_like(size))
        jumping = library.where(total > reach, u, library.zeros_like(size))
        jumping = library.where(jumping > 0, jumping, library.zeros_like(size))
        jumping = lower_of_zero_and(jumping, size, step, self.cost(jumping, shape))
        return library.where(step <= epsilon, single, jumping)
