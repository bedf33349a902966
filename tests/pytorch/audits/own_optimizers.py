"""An optimizer of one's own, which no list knows: a direction, and a way for its decay.

Who uses this: the tests of an optimizer's own decay. Directions and ways are functions of a
weight, its gradient and its group, so that every pair is one optimizer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Direction = Callable[[Tensor, dict[str, Any]], Tensor]
Way = Callable[[Tensor, Tensor, dict[str, Any], Direction, dict[str, Any]], None]


class Own(torch.optim.Optimizer):
    """Steps by lr along `direction`; `way` puts `weight_decay` in."""

    def __init__(
        self, parameters: Any, lr: float, weight_decay: float, *, way: Way, direction: Direction
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})
        self.way, self.direction = way, direction

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    self.way(w, w.grad, group, self.direction, self.state[w])


def plain(g: Tensor, state: dict[str, Any]) -> Tensor:  # noqa: ARG001
    """Return the gradient."""
    return g


def sign(g: Tensor, state: dict[str, Any]) -> Tensor:  # noqa: ARG001
    """Return its signs."""
    return g.sign()


def momentum(g: Tensor, state: dict[str, Any]) -> Tensor:
    """Return the heavy ball's buffer."""
    state["buffer"] = 0.9 * state.get("buffer", 0.0) + g
    return state["buffer"]


def adaptive(g: Tensor, state: dict[str, Any]) -> Tensor:
    """Return the gradient over the root of its mean square, as RMSprop does."""
    state["square"] = 0.9 * state.get("square", 0.0) + 0.1 * g.square()
    return g / (state["square"].sqrt() + 1e-8)


def forgotten(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Store the decay and never use it."""
    w.sub_(group["lr"] * direction(g, state))


def in_gradient(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Add λw to the gradient."""
    w.sub_(group["lr"] * direction(g + group["weight_decay"] * w, state))


def twice_in_gradient(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Add 2λw to the gradient, the derivative of the whole square."""
    w.sub_(group["lr"] * direction(g + 2 * group["weight_decay"] * w, state))


def on_matrices(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Add λw to the gradient of matrices alone."""
    decay = group["weight_decay"] if w.ndim > 1 else 0.0
    w.sub_(group["lr"] * direction(g + decay * w, state))


def by_rate(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Take lr·λ of the weights beside the gradient."""
    w.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * direction(g, state))


def behind(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Take lr·λ of the weights that the step has moved."""
    w.sub_(group["lr"] * direction(g, state)).mul_(1 - group["lr"] * group["weight_decay"])


def implicit(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Divide what the step has moved by 1 + lr·λ, as Adan does (Xie et al., 2208.06677)."""
    w.sub_(group["lr"] * direction(g, state)).div_(1 + group["lr"] * group["weight_decay"])


def without_rate(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Take λ of the weights, whatever the learning rate."""
    w.mul_(1 - group["weight_decay"]).sub_(group["lr"] * direction(g, state))


def cautious(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Decay where the step goes towards zero too."""
    moved = direction(g, state)
    mask = (moved * w > 0).to(w)
    w.mul_(1 - group["lr"] * group["weight_decay"] * mask).sub_(group["lr"] * moved)


PEAK = 0.04  # the largest learning rate of `corrected`


def corrected(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Take lr²/lr_max·λ of the weights, as AdamC does (Defazio, arXiv 2506.02285)."""
    shrink = group["lr"] ** 2 / PEAK * group["weight_decay"]
    w.mul_(1 - shrink).sub_(group["lr"] * direction(g, state))


def tripled(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Take 3·lr·λ of the weights."""
    w.mul_(1 - 3 * group["lr"] * group["weight_decay"]).sub_(group["lr"] * direction(g, state))


def faint(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Take a millionth of lr·λ of the weights, as an optimizer does that finds its own rate."""
    w.mul_(1 - 1e-6 * group["lr"] * group["weight_decay"]).sub_(group["lr"] * direction(g, state))


def late(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Decay from the third step on."""
    state["steps"] = state.get("steps", 0) + 1
    decay = group["weight_decay"] if state["steps"] > 2 else 0.0
    w.mul_(1 - group["lr"] * decay).sub_(group["lr"] * direction(g, state))


def lazy(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Decay in every third step, the first among them."""
    state["steps"] = state.get("steps", -1) + 1
    decay = group["weight_decay"] if state["steps"] % 3 == 0 else 0.0
    w.mul_(1 - group["lr"] * decay).sub_(group["lr"] * direction(g, state))


def drawn(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Move in some steps, as a draw says, as Magma does (arXiv 2602.15322)."""
    moves = float(torch.rand(()) < 0.5)
    shrink = group["lr"] * group["weight_decay"]
    w.sub_(moves * (shrink * w + group["lr"] * direction(g, state)))


def rescaled(w: Tensor, g: Tensor, group: dict, direction: Direction, state: dict) -> None:
    """Step by the weights' norm along direction + λw, as LAMB does (You et al., 1904.00962)."""
    moved = direction(g, state) + group["weight_decay"] * w
    w.sub_(group["lr"] * w.norm() / moved.norm() * moved)
