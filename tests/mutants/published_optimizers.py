"""Optimizers as people write them from a paper, in a file of their own; each may have a mistake.

Who uses this: the PyTorch faults and loops. `slip` names the mistake; without one the decay is λw
in the gradient or lr·λ·w beside it, as the paper has it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer


class Written(Optimizer):
    """Calls `move` for every parameter that has a gradient."""

    def __init__(self, parameters: Any, lr: float, weight_decay: float = 0.0, slip: str = ""):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})
        self.slip = slip

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    self.move(w, w.grad, self.state[w], group["lr"], group["weight_decay"])

    def move(self, w: Any, g: Any, state: Any, rate: float, decay: float) -> None:
        """Move one parameter."""
        raise NotImplementedError


class Lion(Written):
    """Chen et al. (2023): signs of an average, and a decay beside them."""

    def move(self, w: Any, g: Any, state: Any, rate: float, decay: float) -> None:
        average = state.setdefault("average", torch.zeros_like(w))
        w.mul_(1 - decay * (1.0 if self.slip == "no rate" else rate))
        w.sub_(rate * (0.9 * average + 0.1 * g).sign())
        average.lerp_(g, 0.01)


class Muon(Written):
    """Jordan et al. (2024): matrices move along orthogonal ones."""

    def move(self, w: Any, g: Any, state: Any, rate: float, decay: float) -> None:
        average = state.setdefault("average", torch.zeros_like(w)).lerp_(g, 0.05)
        along = g.lerp(average, 0.95)
        if w.ndim == 2:
            x = along / (along.norm() + 1e-7)
            for _ in range(5):
                product = x @ x.T
                x = 3.4445 * x + (-4.775 * product + 2.0315 * product @ product) @ x
            along = x * max(1, w.shape[0] / w.shape[1]) ** 0.5
        w.mul_(1 - rate * decay)
        if self.slip == "twice":
            along = along + decay * w
        w.sub_(rate * along)


class Lars(Written):
    """You et al. (2017): vectors are exempt from decay and adaptation in the step itself."""

    def move(self, w: Any, g: Any, state: Any, rate: float, decay: float) -> None:
        if w.ndim > 1 and self.slip == "decay outside of the ratio":
            g = g * (0.001 * w.norm() / g.norm()) + decay * w
        elif w.ndim > 1:
            g = g + decay * w
            g = g * (0.001 * w.norm() / g.norm())
        momentum = state.setdefault("momentum", torch.zeros_like(w)).mul_(0.9).add_(g)
        w.sub_(rate * momentum)


class Factored(Written):
    """Shazeer and Stern (2018): second moments by rows and columns, an update that is clipped."""

    def move(self, w: Any, g: Any, state: Any, rate: float, decay: float) -> None:
        square = g.square() + 1e-30
        if w.ndim > 1:
            rows = state.setdefault("rows", torch.zeros_like(w[:, 0])).lerp_(square.mean(1), 0.5)
            columns = state.setdefault("columns", torch.zeros_like(w[0])).lerp_(square.mean(0), 0.5)
            g = g * (rows / rows.mean()).rsqrt()[:, None] * columns.rsqrt()
        else:
            g = g * state.setdefault("v", torch.zeros_like(w)).lerp_(square, 0.5).rsqrt()
        g = g / max(1.0, float(g.norm()) / g.numel() ** 0.5)
        if self.slip == "by the size of the weights":
            rate = rate * max(1e-3, float(w.norm()) / w.numel() ** 0.5)
        w.sub_(rate * decay * w).sub_(rate * g)


class Shampoo(Written):
    """Gupta et al. (2018): the decay is in the gradient that both sides precondition."""

    def move(self, w: Any, g: Any, state: Any, rate: float, decay: float) -> None:
        if self.slip == "behind, without a rate":
            w.mul_(1 - decay)
        else:
            g = g + decay * w
        if w.ndim == 2:
            left, right = (
                state.setdefault(side, 1e-4 * torch.eye(size, dtype=w.dtype)).add_(added)
                for side, size, added in (("l", len(w), g @ g.T), ("r", len(w[0]), g.T @ g))
            )
            g = _root(left) @ g @ _root(right)
        w.sub_(rate * g)


def _root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=1e-8) ** -0.25 @ vectors.T


class Slow:
    """Zhang et al. (2019), Lookahead, in no class of torch's: slow weights follow the fast ones."""

    def __init__(self, base: Optimizer, every: int = 5) -> None:
        self.base, self.every, self.count = base, every, 0
        self.param_groups = base.param_groups
        self.slow = [[p.detach().clone() for p in group["params"]] for group in base.param_groups]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.base.zero_grad()

    @torch.no_grad()
    def step(self) -> None:
        """Step the fast weights, and now and then the slow ones."""
        self.base.step()
        self.count += 1
        if self.count % self.every == 0:
            for group, slow in zip(self.param_groups, self.slow, strict=True):
                for p, w in zip(group["params"], slow, strict=True):
                    w.add_(p - w, alpha=0.5)
                    p.copy_(w)
