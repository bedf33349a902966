"""Cox's partial likelihood with equal times as Efron has them.

Who uses this: every engine, for `loss="cox:efron"`. Of d events at one time, which came one after
the other in truth, each of the d places has in its risk set all who are left, less the share l/d
of the events (l = 0, …, d − 1) that have gone. Source: Efron 1977, The efficiency of Cox's
likelihood function for censored data, JASA 72; weights as in Therneau, A package for survival
analysis in R, 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from shrinkage.paths.engines.censored_losses import RiskSets, StackedCox


@dataclass(frozen=True)
class StackedEfron(StackedCox):
    """−(1/n) Σ over events of `o_i − log(Σ_{t_j ≥ t_i} exp(o_j) − l_i/d_i Σ_{tied} exp(o_j))`.

    The second sum is over the events of the same time. With weights both sums are weighted, and
    each of the d places counts the mean weight of the d events. Without equal times it is
    Breslow's.
    """

    def __call__(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the loss of each model; arguments as in `StackedCox`."""
        sets = RiskSets.of(target, weight)
        ordered = outputs.squeeze(1)[:, sets.order]
        ties = _Ties.of(sets, target)
        left = ties.log_left(sets.log_risk(ordered), ties.log_events(sets.weighed(ordered)))
        losses = torch.where(ties.events, ties.counts * left - sets.counts * ordered, 0.0)
        return losses.mean(dim=-1)

    def with_gradient(
        self, outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each model, and its derivatives by the outputs.

        That of row j is (w_j exp(o_j) Σ_{places t_i ≤ t_j} c_i/D_i − event_j)/n, of whose own
        places an event has the share 1 − l_i/d_i; D_i is what place i leaves and c_i its weight.
        """
        sets = RiskSets.of(target, weight)
        ordered = outputs.squeeze(1)[:, sets.order]
        ties, weighed = _Ties.of(sets, target), sets.weighed(ordered)
        left = ties.log_left(sets.log_risk(ordered), ties.log_events(weighed))
        losses = torch.where(ties.events, ties.counts * left - sets.counts * ordered, 0.0)
        share = torch.exp(weighed + sets.log_hazard(left, ties.counts))
        gone = torch.where(ties.events, (ties.gone * ties.counts).log() - left, -torch.inf)
        share = share - torch.where(ties.events, torch.exp(weighed + ties.log_sum(gone)), 0.0)
        gradient = torch.empty_like(outputs)
        gradient[:, 0, sets.order] = (share - sets.counts) / ordered.shape[-1]
        return losses.mean(dim=-1), gradient


@dataclass(frozen=True)
class _Ties:
    """Which rows, from the latest time to the first, have their event at one time."""

    events: torch.Tensor
    group: torch.Tensor  # a number of each row's time
    gone: torch.Tensor  # l/d of each event
    counts: torch.Tensor  # the mean weight of the events of a time; 0 of other rows

    @classmethod
    def of(cls, sets: RiskSets, target: torch.Tensor) -> _Ties:
        events = (target[sets.order] > 0) & (sets.counts > 0)
        group, number = sets.first, events.to(sets.counts.dtype)
        before = number.cumsum(0) - number
        d = torch.zeros_like(number).index_add(0, group, number)[group].clamp_min(1.0)
        total = torch.zeros_like(number).index_add(0, group, sets.counts)[group]
        gone = (before - before[group]) / d * number
        return cls(events, group, gone, total / d * number)

    def log_sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of the sum of exp(values) over the rows of each row's time."""
        index = self.group.expand_as(values)
        most = torch.full_like(values, -torch.inf).scatter_reduce(1, index, values, "amax")
        most = torch.where(most.isfinite(), most, 0.0).gather(1, index)
        sums = torch.zeros_like(values).scatter_add(1, index, torch.exp(values - most))
        return sums.gather(1, index).log() + most

    def log_events(self, weighed: torch.Tensor) -> torch.Tensor:
        """Return log Σ w_j exp(o_j) over the events of each row's time."""
        return self.log_sum(torch.where(self.events, weighed, -torch.inf))

    def log_left(self, log_risk: torch.Tensor, log_events: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of what each place leaves of its risk set."""
        share = torch.where(self.events, torch.exp(log_events - log_risk), 0.0).clamp(max=1.0)
        return log_risk + torch.log1p(-self.gone * share)
