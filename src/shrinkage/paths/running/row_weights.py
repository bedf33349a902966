"""How much rows count: in the loss, in what is fitted on them, and in scores.

Who uses this: the preparation of jobs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage.datasets import Dataset
from shrinkage.datasets.rare import ClassWeight, class_weights


@dataclass(frozen=True)
class RowWeights:
    """The sample weights of raw rows, and the weights of their classes; None where all are 1.

    Args:
        data: the raw rows.
        by_class: `balanced` or a weight by label; multiplies the weights in the loss.
        scored: whether sample weights count in scores too.
    """

    data: Dataset
    by_class: ClassWeight
    scored: bool

    @property
    def differ_in_loss(self) -> bool:
        """Return whether rows count differently in the training loss."""
        return self.data.sample_weight is not None or self.by_class not in (None, "none")

    @property
    def words(self) -> str:
        """Return what the rows are weighed by in the loss, or nothing."""
        sample = "the row's own" if self.data.sample_weight is not None else ""
        by_class = "" if self.by_class in (None, "none") else f"the class's ({self.by_class!r})"
        return " × ".join(part for part in (sample, by_class) if part)

    def in_scores(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the weights of some rows in scores."""
        weight = self.data.sample_weight
        return weight[rows] if weight is not None and self.scored else None

    def in_fits(self, train: np.ndarray) -> np.ndarray | None:
        """Return the sample weights of some rows, where there are some above 0."""
        weight = self.data.sample_weight
        return weight[train] if weight is not None and (weight[train] > 0).any() else None

    def in_loss(self, used: np.ndarray, train: np.ndarray) -> np.ndarray | None:
        """Return sample weight × weight of the class, the latter judged on the training rows."""
        sample, y = self.data.sample_weight, self.data.y
        by_row = class_weights(y[train], self.by_class, self.in_fits(train))
        if by_row is None:
            return None if sample is None else sample[used]
        by_label = dict(zip(y[train].tolist(), by_row.tolist(), strict=True))
        weight = np.array([by_label.get(label, 1.0) for label in y[used].tolist()])
        return weight if sample is None else weight * sample[used]
