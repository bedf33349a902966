"""MCP, the minimax concave penalty: L1 at 0, flat beyond γ·λ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from shrinkage.arrays import Array, library_of
from shrinkage.checks import number
from shrinkage.penalties.concave import ConcavePenalty
from shrinkage.penalties.options import option


@dataclass(frozen=True)
class MCP(ConcavePenalty):
    """The minimax concave penalty Σ |w| − w²/(2γλ) up to |w| = γλ, γλ/2 beyond.

    λ is the strength of the term, so that λ·Ω is the MCP of the literature and its knee lies at
    γλ. Its prox is firm thresholding: soft at the step, stretched so that weights beyond the knee
    stay as they are. It is single-valued for steps below γλ: a learning rate (in the metric) below
    γ. At longer ones it is hard thresholding at √(step·γλ).

    Args:
        gamma: γ, above 0; towards inf it is L1.
        strength: λ of the shape; terms set it by `at`.

    Raises:
        InputError: `gamma` is no number above 0.

    >>> import numpy as np
    >>> MCP(gamma=3.0).at(1.0).prox(np.array([4.0, 2.0, 0.5]), 1.0)
    array([4. , 1.5, 0. ])
    >>> MCP().at(0.5).longest_step()
    1.5

    Source: Zhang, Nearly unbiased variable selection under minimax concave penalty, Ann. Stat. 38
    (2010); firm thresholding is Gao and Bruce, Stat. Sinica 7 (1997).
    """

    gamma: float = field(
        default=3.0,
        metadata=option("where it becomes flat, in strengths", variants=(1.5,)),
    )
    strength: Any = field(default=1.0, repr=False)

    name: ClassVar[str] = "mcp"
    also_called: ClassVar[tuple[str, ...]] = ("minimax-concave",)
    formula: ClassVar[str] = "Σ |w| − w²/(2γλ) up to γλ, γλ/2 beyond"
    summary: ClassVar[str] = "zeros, and weights beyond γ·strength are not shrunk"

    def __post_init__(self) -> None:
        gamma = number(self.gamma, "gamma", above=0.0, hint="3 is usual")
        object.__setattr__(self, "gamma", gamma)

    def at(self, strength: Any) -> MCP:
        """Return it with its knee at γ·strength."""
        return replace(self, strength=strength)

    def longest_step(self) -> Any:
        """Return γλ."""
        return self.gamma * self.strength

    def cost(self, size: Array, shape: Array) -> Array:
        """Return |w| − w²/(2γλ), γλ/2 beyond the knee."""
        knee = shape * self.gamma
        inside = library_of(size).clip(size, -knee, knee)
        return inside - inside / knee * inside / 2

    def slope(self, size: Array, shape: Array) -> Array:
        """Return 1 − |w|/(γλ), 0 beyond the knee."""
        knee = shape * self.gamma
        return 1 - library_of(size).clip(size, -knee, knee) / knee

    def shrunk(self, size: Array, step: Array, shape: Array) -> Array:
        """Return firm thresholding, hard thresholding where the step is γλ or longer."""
        library, knee = library_of(size), shape * self.gamma
        zero = library.zeros_like(size)
        soft = size - library.clip(size, -step, step)
        firm = library.where(size > knee, size, soft / (1 - step / knee))
        hard = library.where(size / step * size <= knee, zero, size)
        return library.where(step < knee, firm, hard)
