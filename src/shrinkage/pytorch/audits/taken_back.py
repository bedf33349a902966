"""What a loop takes back of every step: weights that are set to their moving average, say.

Who uses this: `runs`. Behind the optimizer's step a loop may bring the weights a part of the way
back, the same for data and penalty. How much of a step stays is measured: the weights are pushed
between the optimizer's step and what follows, and a loop that keeps a share of every step keeps
that share of the push. Where they went is then judged as if all of the step had stayed.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from shrinkage.audits.findings import Finding, finding

_PUSH = 4.0  # of the weights: far beyond their rounding
TAKEN = 0.98
"""A larger share of a step is as good as all of it."""
_STRAY = 0.01
_ROUNDINGS = 8


def pushes(stepped: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a push for each parameter: along the weights, and across them.

    A loop that sets lengths keeps what lies across and takes back what lies along.
    """
    generator = torch.Generator().manual_seed(0)
    made = {}
    for name, w in stepped.items():
        size = max(float(w.double().square().mean()) ** 0.5, torch.finfo(w.dtype).tiny)
        noise = torch.randn(w.shape, generator=generator, dtype=torch.float64) * size
        made[name] = (_PUSH * (w.double() + noise.to(w.device))).to(w.dtype)
    return made


def kept_share(change: torch.Tensor, push: torch.Tensor, weights: torch.Tensor) -> float | None:
    """Return how much of a push stayed, None where it is no single share.

    Args:
        change: by how much farther the step ended with the push.
        push: that was given behind the optimizer's step.
        weights: where it ended without.

    >>> w = torch.tensor([1.0, -2.0])
    >>> kept_share(0.5 * w, w, w), kept_share(w * torch.tensor([1.0, 0.0]), w, w)
    (0.5, None)
    """
    eps = torch.finfo(weights.dtype).eps
    change, push, weights = change.double(), push.double(), weights.double()
    square = float(push.square().sum())
    share = float((change * push).sum()) / square if square else 0.0
    rounding = _ROUNDINGS * eps * float(weights.norm())
    astray = float((change - share * push).norm())
    if share <= 0 or astray > _STRAY * float(change.norm()) + rounding:
        return None
    return share if share * square**0.5 > rounding else None


def is_multiple(ends: torch.Tensor, stepped: torch.Tensor, share: float) -> bool:
    """Return whether weights end as a share of where the step brought them: a decay of the loop's.

    >>> w = torch.tensor([1.0, -2.0])
    >>> is_multiple(0.9 * w, w, 0.9), is_multiple(w - 0.05, w, 0.9)
    (True, False)
    """
    off = (ends.double() - share * stepped.double()).norm()
    return bool(off <= _ROUNDINGS * torch.finfo(ends.dtype).eps * stepped.double().norm())


def said(name: str, share: float) -> Finding:
    """Say that a part of every step stays, of data and penalty alike."""
    return finding(
        "wrong-factor",
        name,
        f"behind the optimizer's step the loop moves the weights, so that {share:.2g} of the step "
        "is left, of data and penalty alike",
        "keep a moving average beside the weights and train on the weights themselves, or mean it: "
        "the balance of data and penalty is that of the terms",
        severity="warning",
    )
