"""Adam's moments of any column of a table, from what all its rows have told a layer so far.

Who uses this: the shards of a stack, for columns that are not in their arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from shrinkage.pytorch.prox.kernels.adam import AdamNumbers

BLOCK = 16  # steps whose outer products are added at once


class Past:
    """Running means of the derivatives G by the outputs of a layer, (models, units, rows).

    With g = G x the gradient of the weights of a column x, (rows,), Adam's moments of them are

        first = M x,  second = xᵀ S x,  M = Σ (1 − β1) β1ᵗ⁻ˢ G_s,  S = Σ (1 − β2) β2ᵗ⁻ˢ g_s g_sᵀ

    where g_s is the row of G_s of the unit (Kingma and Ba 2015, algorithm 1).

    Args:
        mean: M.
        squares: S up to the last whole block of steps, (models, units, rows, rows).
        recent: the G of the steps since.
    """

    def __init__(
        self, mean: torch.Tensor, squares: torch.Tensor, recent: Sequence[torch.Tensor] = ()
    ) -> None:
        self.mean, self._squares, self._recent = mean, squares, list(recent)
        self._numbers = AdamNumbers()

    @classmethod
    def none(cls, models: int, units: int, rows: int, like: torch.Tensor) -> Past:
        """Return that of a training that has not begun.

        >>> past = Past.none(1, 1, 2, torch.zeros(0))
        >>> past.add(torch.tensor([[[1.0, 2.0]]]))
        >>> x = torch.tensor([[3.0, 1.0]])
        >>> [round(moment.item(), 6) for moment in past.moments(0, x)]  # of the gradient 5
        [0.5, 0.025]
        """
        mean = like.new_zeros(models, units, rows)
        return cls(mean, like.new_zeros(models, units, rows, rows))

    def mean_after(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return what M will be with the G of a step."""
        return self.mean.lerp(gradient.to(self.mean.dtype), 1 - self._numbers.beta1)

    def add(self, gradient: torch.Tensor) -> None:
        """Take in the G of a step."""
        self.mean.lerp_(gradient.to(self.mean.dtype), 1 - self._numbers.beta1)
        self._recent.append(gradient.clone())
        if len(self._recent) == BLOCK:
            self.fold()

    def fold(self) -> None:
        """Add the outer products of the steps since the last block."""
        count, beta = len(self._recent), self._numbers.beta2
        if not count:
            return
        models, units, rows = self.mean.shape
        some = torch.stack([own.to(self.mean.dtype) for own in self._recent], dim=2)
        ages = torch.arange(count - 1, -1, -1, dtype=self.mean.dtype)
        weights = (1 - beta) * beta**ages
        left = (some * weights.view(-1, 1).to(some)).view(models * units, count, rows)
        right = some.view(models * units, count, rows)
        self._squares.view(-1, rows, rows).baddbmm_(left.transpose(1, 2), right, beta=beta**count)
        self._recent.clear()

    def moments(self, model: int, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both moments of columns, (columns, rows), in a model: each (units, columns)."""
        self.fold()
        x = columns.t()
        first = self.mean[model] @ x
        second = torch.stack([((own @ x) * x).sum(0) for own in self._squares[model]])
        return first, second.clamp_min(0)

    def of(self, models: slice) -> Past:
        """Return a copy for some of the models."""
        self.fold()
        return Past(self.mean[models].clone(), self._squares[models].clone())

    @classmethod
    def joined(cls, parts: Sequence[Past]) -> Past:
        """Return that of all models of some pasts, in order."""
        for part in parts:
            part.fold()
        if len(parts) == 1:
            return parts[0]
        mean = torch.cat([part.mean for part in parts])
        return cls(mean, torch.cat([part._squares for part in parts]))
