"""The small problem, and the terms written out by hand around an optimizer's step.

Nothing here calls `regularize`: the penalty is differentiated by autograd, decay and
soft-thresholding are written out, and only the metric of a proximal step and its reach are read by
the library's own table, which has tests of its own against displacements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn, optim

from shrinkage.pytorch.optimizers import Moment, metric_of

L1_STRENGTH, L2_STRENGTH = 0.03, 0.05
STEPS = 6


def network(row, dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(0)
    bias = row.kind.__name__ != "Muon"  # takes matrices only
    first, last = nn.Linear(6, 8, bias=bias), nn.Linear(8, 2, bias=bias)
    return nn.Sequential(first, nn.Tanh(), last).to(dtype)


def batch(step: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(16, 6, generator=generator, dtype=torch.float64)
    return x.to(dtype), torch.stack([x[:, 0], x[:, 1] * x[:, 2]], 1).to(dtype)


def data_loss(model: nn.Module, row, step: int, rows: slice = slice(None)) -> torch.Tensor:
    x, y = batch(step, next(model.parameters()).dtype)
    loss = (model(x[rows]) - y[rows]).square().mean()
    return -loss if row.maximize else loss


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def penalised(model: nn.Module) -> list[torch.Tensor]:
    """Return the weights of layers, each once."""
    return [p for p in model.parameters() if p.ndim > 1]


class ByHand:
    """Around each step: what `update` means, with strengths that may change."""

    def __init__(self, optimizer: optim.Optimizer, parameters: Sequence[torch.Tensor], update: str):
        self.optimizer, self.parameters, self.update = optimizer, list(parameters), update
        self.l1, self.l2 = L1_STRENGTH, L2_STRENGTH
        self._buffers: dict[torch.Tensor, float | None] = {}

    def rate(self, parameter: torch.Tensor) -> float:
        return float(self._group(parameter)["lr"])

    def _group(self, parameter: torch.Tensor) -> dict:
        groups = self.optimizer.param_groups
        return next(g for g in groups if any(p is parameter for p in g["params"]))

    def penalty(self) -> torch.Tensor:
        return sum(
            self.l1 * p.abs().sum() + 0.5 * self.l2 * p.square().sum() for p in self.parameters
        )

    def step(self, step: Callable[[], object] | None = None) -> None:
        moving = [p for p in self.parameters if p.grad is not None]
        kept = [p.grad.clone() for p in moving]
        noted = {}
        with torch.no_grad():
            for p in moving:
                group = self._group(p)
                if self.update == "gradient":
                    sign = -1 if group.get("maximize") else 1
                    p.grad += sign * (self.l1 * p.sign() + self.l2 * p)
                if self.update == "decoupled":
                    p.mul_(1 - self.rate(p) * self.l2)
                if self.update == "proximal":
                    moment = Moment(group, self.optimizer.state.get(p, {}))
                    noted[p] = metric_of(self.optimizer).note(moment, p)
        (self.optimizer.step if step is None else step)()
        with torch.no_grad():
            for p, gradient in zip(moving, kept, strict=True):
                if self.update == "decoupled":
                    p.copy_(_soft(p, self.rate(p) * self.l1))
                if self.update == "proximal":
                    self._prox(p, noted[p])
                p.grad = gradient

    def _prox(self, p: torch.Tensor, noted: object) -> None:
        metric, group = metric_of(self.optimizer), self._group(p)
        gain, self._buffers[p] = metric.gain(group, self._buffers.get(p))
        motion = metric.motion(Moment(group, self.optimizer.state[p], gradient=p.grad), noted)
        motion = motion.amplified(gain)
        denominator = motion.denominator()
        rate = motion.rate / (1.0 if denominator is None else denominator)
        moved = _soft(p, rate * self.l1) / (1 + rate * self.l2)
        reach = motion.reaches()
        if reach is not None:  # no farther than twice what the optimizer moves a weight by
            moved = moved.maximum(p - 2 * reach).minimum(p + 2 * reach)
        p.copy_(moved)


def _soft(w: torch.Tensor, threshold: float | torch.Tensor) -> torch.Tensor:
    return w.sign() * (w.abs() - threshold).clamp_min(0.0)
