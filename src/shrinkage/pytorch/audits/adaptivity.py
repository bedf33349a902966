"""Whether an optimizer divides gradients by their size: measured where no record says so.

Who uses this: `runs` and `clipping`. A bare copy steps with the data's gradient g times 0, K and
2K. From where 0 brings it, an optimizer that is linear in g goes twice as far the second time; one
that divides a whole array by one number goes along g. One that does neither bends what is in the
gradient, and a penalty with it. K is large, so that a history of small gradients does not hide it.
One that clips within its step is linear where K is small, and with g itself goes less far than
that.
"""

from __future__ import annotations

import torch

from shrinkage.pytorch.audits.thinned import Thinned
from shrinkage.pytorch.audits.twin import Twin
from shrinkage.pytorch.audits.watch import Watch

_LARGE, _SMALL = 1024.0, 2.0**-10
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


def clips_by(twin: Twin, watch: Watch) -> float:
    """Return what an optimizer that is linear in small gradients divides the run's own by, else 1.

    Args:
        twin: the copy; it stands elsewhere afterwards.
        watch: of the run whose gradients are stepped with.
    """
    try:
        with twin.narrowed():
            small = _walks(twin, watch, _SMALL, wide=True)
            steps = [step for step, _, _ in _walks(twin, watch, 1.0, wide=True)]
    except Exception:  # one that steps in its own dtype alone
        return 1.0
    if len(small) != len(steps) or not all(_is_linear(once, twice) for once, twice, _ in small):
        return 1.0
    along = sum(float((w[0] * step).sum()) for w, step in zip(small, steps, strict=True)) / _SMALL
    square = sum(float(step.square().sum()) for step in steps)
    whole = sum(float(once.square().sum()) for once, _, _ in small) ** 0.5 / _SMALL
    return along / square if square and along >= _ALONG * whole * square**0.5 else 1.0


Walk = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _walks(
    stand: Twin | Thinned, watch: Watch, size: float = _LARGE, *, wide: bool = False
) -> list[Walk]:
    """Return how far K and 2K times a gradient bring each array that moves, and its gradient.

    Args:
        stand: the copy, or some weights of it.
        watch: of the run.
        size: K.
        wide: whether to step in float64.
    """
    gradients = {name: watch.gradients.used(name, stand.pick) for name in stand.start}
    gradients = {n: g for n, g in gradients.items() if g is not None and g.numel() > 1 and g.any()}
    if not gradients or not watch.replayable:
        return []
    factors = (0.0, size, 2 * size)
    still, once, twice = (_stepped(stand, watch, gradients, by, wide) for by in factors)
    walks = [(once[n] - still[n], twice[n] - still[n], g.double()) for n, g in gradients.items()]
    return [walk for walk in walks if walk[0].any() and walk[1].any()]


def _stepped(
    stand: Twin | Thinned,
    watch: Watch,
    gradients: dict[str, torch.Tensor],
    factor: float,
    wide: bool,
) -> dict[str, torch.Tensor]:
    """Return where the bare optimizer brings the weights with gradients times a factor.

    One that divides by the size of a gradient of 0 brings them nowhere, or cannot.
    """
    stand.reset(0.0, bare=True)
    if wide:
        stand.widen()
    for name, tensor in stand.parameters.items():
        own = gradients.get(name)
        tensor.grad = None if own is None else (own * factor).to(tensor.dtype)
    try:
        watch.take_again(stand.optimizer)
    except ArithmeticError:
        return {name: stand.start[name].double() for name in gradients}
    ends = {n: stand.parameters[n].detach().to(torch.float64, copy=True) for n in gradients}
    return {n: end if end.isfinite().all() else stand.start[n].double() for n, end in ends.items()}


def _is_linear(once: torch.Tensor, twice: torch.Tensor) -> bool:
    return float((twice - 2 * once).norm()) <= _LINEAR * float(twice.norm())


def _is_along(step: torch.Tensor, gradient: torch.Tensor) -> bool:
    lengths = float(step.norm()) * float(gradient.norm())
    return abs(float((step * gradient).sum())) >= _ALONG * lengths
