"""Elastic net, l1_ratio·L1 + (1 − l1_ratio)·L2, in scikit-learn's parametrization."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from shrinkage.arrays import Array
from shrinkage.checks import fraction
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.l1 import L1
from shrinkage.penalties.l2 import L2
from shrinkage.penalties.options import option
from shrinkage.penalties.weighted_sum import WeightedSum


@dataclass(frozen=True)
class ElasticNet(WeightedSum):
    """The elastic net l1_ratio·Σ|w| + (1 − l1_ratio)·½Σw².

    Its prox is soft-thresholding by l1_ratio·step, then division by 1 + (1 − l1_ratio)·step.

    Args:
        l1_ratio: the share of L1, 0 (L2 alone) to 1 (L1 alone).

    Raises:
        InputError: `l1_ratio` is not a number from 0 to 1.

    >>> import numpy as np
    >>> ElasticNet(0.5).prox(np.array([3.5, -0.5]), 2.0)
    array([1.25, 0.  ])
    >>> float(ElasticNet(0.5).value(np.array([2.0, -2.0])))
    4.0
    >>> ElasticNet(0.5).gradient(np.array([2.0, 0.0]))
    array([1.5, 0. ])

    Source: Zou and Hastie, Regularization and variable selection via the elastic net, JRSS B 67
    (2005); the parametrization is scikit-learn's `ElasticNet`.
    """

    l1_ratio: float = field(
        default=0.5,
        metadata=option("share of L1, from 0 (L2 alone) to 1 (L1 alone)", variants=(0.0, 0.3, 1.0)),
    )

    name: ClassVar[str] = "elastic-net"
    also_called: ClassVar[tuple[str, ...]] = ("enet",)
    formula: ClassVar[str] = "l1_ratio·L1 + (1 − l1_ratio)·L2"
    summary: ClassVar[str] = "both at once"
    separable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        ratio = fraction(self.l1_ratio, "l1_ratio", hint="0 is L2 alone, 1 is L1 alone")
        object.__setattr__(self, "l1_ratio", ratio)

    def parts(self) -> tuple[tuple[float, Penalty], ...]:
        """Return ((l1_ratio, L1()), (1 − l1_ratio, L2())) without parts of weight 0.

        >>> ElasticNet(0.25).parts()
        ((0.25, L1()), (0.75, L2()))
        """
        both = ((self.l1_ratio, L1()), (1.0 - self.l1_ratio, L2()))
        return tuple((weight, penalty) for weight, penalty in both if weight > 0)

    def critical_strength(self, gradient: Array, stacked: int = 0) -> Array:
        """Return max|gradient| / l1_ratio, inf for l1_ratio = 0.

        >>> import numpy as np
        >>> float(ElasticNet(0.5).critical_strength(np.array([3.0, -4.0])))
        8.0
        """
        if self.l1_ratio == 0:
            return L2().critical_strength(gradient, stacked)
        return L1().critical_strength(gradient, stacked) / self.l1_ratio
