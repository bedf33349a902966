"""The data loss of censored times: Cox's partial likelihood.

Who uses this: every engine, for `loss="cox"`. A target is the time of a row with a sign: positive
where the event came then, negative where the row was only seen until then (as in XGBoost's
`survival:cox`). An output is a logarithm of risk: the higher, the sooner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class StackedCox:
    """−(1/n) Σ over events of `o_i − log Σ_{t_j ≥ t_i} exp(o_j)`; equal times as Breslow has them.

    Of equal times every event has the whole risk set, those of the others included (Breslow 1974);
    `StackedEfron` takes some of them out.
    The sum over a risk set is over the rows of the batch: a batch of all rows has the likelihood.
    With weights both sums are weighted. Source: Cox 1972, Regression models and life-tables.
    """

    by_row = False

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model, shape (models,).

        Args:
            outputs: logarithms of risk, (models, 1, rows).
            target: times, negative where they are censored, (rows,).
            weight: weights with mean one over the training rows, shape (rows,), or None.
        """
        sets = RiskSets.of(target, weight)
        ordered = outputs.squeeze(1)[:, sets.order]
        return _event_losses(ordered, sets.log_risk(ordered), sets.counts).mean(dim=-1)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and its derivatives by the outputs.

        That of row j is w_j (exp(o_j) Σ_{events t_i ≤ t_j} w_i/S_i − event_j)/n with the sum S_i
        over the risk set of i.
        """
        sets = RiskSets.of(target, weight)
        ordered = outputs.squeeze(1)[:, sets.order]
        log_risk = sets.log_risk(ordered)
        losses = _event_losses(ordered, log_risk, sets.counts).mean(dim=-1)
        share = torch.exp(sets.weighed(ordered) + sets.log_hazard(log_risk))
        gradient = torch.empty_like(outputs)
        gradient[:, 0, sets.order] = (share - sets.counts) / ordered.shape[-1]
        return losses, gradient

    def constant(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of equal risks."""
        times = torch.from_numpy(np.asarray(target, dtype=np.float64))
        counts = None if weight is None else torch.from_numpy(np.asarray(weight, np.float64))
        return float(self(torch.zeros(1, 1, len(times), dtype=torch.float64), times, counts))

    def constant_outputs(
        self, target: np.ndarray, weight: np.ndarray | None, n_outputs: int
    ) -> np.ndarray:
        """Return 0: a risk that all share is in no likelihood."""
        del target, weight
        return np.zeros(n_outputs)

    def said(self, outputs: np.ndarray, target: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return the outputs: a difference of 1 is a factor of e in the risk."""
        return outputs


@dataclass(frozen=True)
class RiskSets:
    """Rows from the latest time to the first, and who is still there at each."""

    order: torch.Tensor
    counts: torch.Tensor  # what each row's event counts: nothing where it did not come
    first: torch.Tensor  # of the rows of equal time
    last: torch.Tensor
    log_weight: torch.Tensor | None

    @classmethod
    def of(cls, target: torch.Tensor, weight: torch.Tensor | None) -> RiskSets:
        order = torch.argsort(target.abs(), descending=True, stable=True)
        earlier = -target.abs()[order]
        event = (target[order] > 0).to(target.dtype)
        return cls(
            order,
            event if weight is None else event * weight[order],
            torch.searchsorted(earlier, earlier),
            torch.searchsorted(earlier, earlier, right=True) - 1,
            None if weight is None else weight[order].log(),
        )

    def log_risk(self, ordered: torch.Tensor) -> torch.Tensor:
        """Return log Σ_{t_j ≥ t_i} w_j exp(o_j), (models, rows)."""
        return torch.logcumsumexp(self.weighed(ordered), dim=-1)[:, self.last]

    def weighed(self, ordered: torch.Tensor) -> torch.Tensor:
        """Return log w_j + o_j."""
        return ordered if self.log_weight is None else ordered + self.log_weight

    def log_hazard(
        self, log_risk: torch.Tensor, counts: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return log Σ_{events t_i ≤ t_j} w_i / S_i, (models, rows); −inf before the first."""
        counts = self.counts if counts is None else counts
        terms = torch.where(counts > 0, counts.log() - log_risk, -torch.inf)
        return torch.logcumsumexp(terms.flip(-1), dim=-1).flip(-1)[:, self.first]


def _event_losses(
    ordered: torch.Tensor, log_risk: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """Return the losses of the events; 0 of others, whose risk set may hold no weight."""
    return torch.where(counts > 0, (log_risk - ordered) * counts, 0.0)
