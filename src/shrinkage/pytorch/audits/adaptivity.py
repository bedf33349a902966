"""Whether an optimizer divides gradients by their size: measured where no record says so.

Who uses this: `runs` and `clipping`. A bare copy steps with the data's gradient g times 0, K and
2K. From where 0 brings it, an optimizer that is linear in g goes twice as far the second time; one
that divides a whole array by one number goes along g. One that does neither bends what is in the
gradient, and a penalty with it. K is large, so that a history of small gradients does not hide it.
"""

from __future__ import annotations

import torch

from shrinkage.pytorch.audits.thinned import Thinned
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch

_LARGE = 1024.0
_LINEAR = 0.05  # how far twice the gradient may be from twice the step
_ALONG = 0.99  # the cosine of a step that goes along the gradient


def reshapes(twin: Twin, watch: Watch) -> bool:
    """Return whether any array moves neither in proportion to its gradient nor along it.

    Args:
        twin: the copy; it stands elsewhere afterwards.
        watch: of the run whose gradients are stepped with.
    """
    walks = _walks(twin, watch)
    return any(
        not _is_linear(once, twice) and not _is_along(once, gradient)
        for once, twice, gradient in walks
    )


def is_proportional(stand: Twin | Thinned, watch: Watch) -> bool:
    """Return whether arrays move in proportion to their gradients, as far as that can be told.

    Args:
        stand: the copy, or some weights of it; it stands elsewhere afterwards.
        watch: of the run whose gradients are stepped with.
    """
    walks = _walks(stand, watch)
    return bool(walks) and all(_is_linear(once, twice) for once, twice, _ in walks)


Walk = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _walks(stand: Twin | Thinned, watch: Watch) -> list[Walk]:
    """Return how far K and 2K times a gradient bring each array that moves, and its gradient."""
    gradients = {name: watch.used(name, stand.pick) for name in stand.start}
    gradients = {n: g for n, g in gradients.items() if g is not None and g.numel() > 1 and g.any()}
    if not gradients or not watch.replayable:
        return []
    still = _stepped(stand, watch, gradients, 0.0)
    once, twice = (_stepped(stand, watch, gradients, factor) for factor in (_LARGE, 2 * _LARGE))
    walks = [(once[n] - still[n], twice[n] - still[n], g.double()) for n, g in gradients.items()]
    return [walk for walk in walks if walk[0].any() and walk[1].any()]


def _stepped(
    stand: Twin | Thinned, watch: Watch, gradients: dict[str, torch.Tensor], factor: float
) -> dict[str, torch.Tensor]:
    """Return where the bare optimizer brings the weights with gradients times a factor.

    One that divides by the size of a gradient of 0 brings them nowhere.
    """
    stand.reset(0.0, bare=True)
    for name, tensor in stand.parameters.items():
        tensor.grad = gradients[name] * factor if name in gradients else None
    watch.take_again(stand.optimizer)
    ends = {n: stand.parameters[n].detach().to(torch.float64, copy=True) for n in gradients}
    return {n: end if end.isfinite().all() else stand.start[n].double() for n, end in ends.items()}


def _is_linear(once: torch.Tensor, twice: torch.Tensor) -> bool:
    return float((twice - 2 * once).norm()) <= _LINEAR * float(twice.norm())


def _is_along(step: torch.Tensor, gradient: torch.Tensor) -> bool:
    lengths = float(step.norm()) * float(gradient.norm())
    return abs(float((step * gradient).sum())) >= _ALONG * lengths
