"""Whether columns that have left would still be zero: by a bound, and by a look where it is open.

Who uses this: the shards of a stack, after every backward pass.

With M the running mean of the derivatives and Δ what it has moved by since the last look at a
column x, ‖(M + Δ)x‖ ≤ ‖M x‖ + ‖Δ‖‖x‖ (Cauchy and Schwarz), which costs no product with the columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

CHUNK = 512  # columns that are looked at at once: what the products give stays in the cache
COMPANY = 0.1  # of a limit: what is so near comes back with others
ROUNDING = 1e-5  # of a limit, which rounding may not use up


@dataclass(frozen=True)
class Limits:
    """Up to where a first moment leaves a column at zero, when it has no bias left.

    Args:
        sizes: of each model, strength of L1 or of the group times √units; 0: never.
        grouped: whether the norm over the units is compared, and not each unit.
    """

    sizes: torch.Tensor
    grouped: bool

    def reached(self, mean: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Return what is compared with the limit, (models, columns).

        Args:
            mean: (models, units, rows).
            columns: (columns, rows).
        """
        models, units, rows = mean.shape
        reached = mean.new_empty(models, len(columns))
        for begin in range(0, len(columns), CHUNK):
            some = columns[begin : begin + CHUNK]
            moments = (mean.reshape(-1, rows) @ some.t()).view(models, units, -1)
            own = moments.square_().sum(1).sqrt_() if self.grouped else moments.abs_().amax(1)
            reached[:, begin : begin + CHUNK] = own
        return reached

    def moved(self, change: torch.Tensor) -> float:
        """Return by how much any column of norm 1 may differ, of the model that moved farthest.

        A model that has diverged does not count: it has no zeros to keep.
        """
        axes = (1, 2) if self.grouped else 2
        norms = torch.linalg.vector_norm(change, dim=axes)
        return float(norms.nan_to_num(0.0, posinf=0.0).max()) * (1 + ROUNDING)

    def take(self, models: slice) -> Limits:
        """Return those of some models."""
        return Limits(self.sizes[models], self.grouped)


class Watch:
    """Watches some columns that all models of a shard do without.

    Args:
        positions: of the columns in the table.
        columns: the columns, (columns, rows).
        limits: of the models.
    """

    def __init__(self, positions: torch.Tensor, columns: torch.Tensor, limits: Limits) -> None:
        self.positions, self._columns, self._limits = positions, columns, limits
        self._norms = torch.linalg.vector_norm(columns, dim=1).clamp_min(1e-30)
        self._from: torch.Tensor | None = None
        self._looked_at = 0

    def returning(self, mean: torch.Tensor, unbiased: float) -> torch.Tensor:
        """Return the positions of the columns that this step would move from zero.

        Args:
            mean: M with this step, (models, units, rows).
            unbiased: 1 − β1ᵗ of this step.
        """
        if not len(self.positions):
            return self.positions
        if self._from is None:
            return self._look_at_all(mean, unbiased)
        moved = self._limits.moved(mean - self._from)
        open_ones = int(torch.searchsorted(self._margins, moved, right=True))
        if not open_ones:
            return self.positions[:0]
        self._looked_at += open_ones
        if self._looked_at > len(self.positions):  # as many as all: a later bound is better then
            return self._look_at_all(mean, unbiased)
        margins = self._margins_of(mean, self._columns[:open_ones], unbiased)
        return self._back(margins, open_ones)

    def _look_at_all(self, mean: torch.Tensor, unbiased: float) -> torch.Tensor:
        margins = self._margins_of(mean, self._columns, unbiased) / self._norms
        order = torch.argsort(margins)
        self._margins, self._from, self._looked_at = margins[order], mean.clone(), 0
        self.positions, self._columns = self.positions[order], self._columns[order]
        self._norms = self._norms[order]
        return self._back(self._margins * self._norms, len(order))

    def _back(self, margins: torch.Tensor, count: int) -> torch.Tensor:
        """Return those of the first columns that come back, with others that are as good as there.

        A shard is made anew for them, which should not be at every step.
        """
        if not (margins < 0).any():
            return self.positions[:0]
        return self.positions[:count][margins < COMPANY * float(self._limits.sizes.min())]

    def _margins_of(
        self, mean: torch.Tensor, columns: torch.Tensor, unbiased: float
    ) -> torch.Tensor:
        """Return how much is left to the limit, of the model that has the least."""
        reached = self._limits.reached(mean, columns).nan_to_num(0.0, posinf=0.0)
        left = (1 - ROUNDING) * unbiased * self._limits.sizes.to(reached).view(-1, 1) - reached
        return left.amin(dim=0)
