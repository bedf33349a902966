"""The four updates: how a term enters training, one class each, one object a parameter.

Who uses this: `Attachment`, which calls `before` just before the optimizer moves a parameter and
`after` just after. They work on one model or on many stacked along a leading axis, with one
strength per model, and touch no model whose strengths are 0. `UPDATES` is the registry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.penalties import L2, Part, elementary_parts, smooth_and_kinked
from shrinkage.pytorch.loss import penalty_value
from shrinkage.pytorch.metrics import Metric, Moment, Motion, metric_of
from shrinkage.pytorch.shrink import Run, Shrink, live_runs
from shrinkage.pytorch.threshold import Scratch


@dataclass(frozen=True, eq=False)
class Target:
    """One parameter of an optimizer, and the models along its leading axis (None: no such axis)."""

    name: str
    parameter: torch.Tensor
    stacked: int = 0

    @property
    def models(self) -> int | None:
        """How many models lie along the leading axes."""
        return self.parameter.shape[: self.stacked].numel() if self.stacked else None

    def view(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the parameter's shape with its model axes as one, sharing memory."""
        tensor = tensor.detach()
        if self.stacked <= 1:
            return tensor
        return tensor.view(-1, *tensor.shape[self.stacked :])


@dataclass(frozen=True, eq=False)
class Tools:
    """What the updates of one attachment share."""

    optimizer: torch.optim.Optimizer
    scratch: Scratch


class Update:
    """What one parameter's terms do around a step; the base does nothing."""

    changes_gradient: ClassVar[bool] = False
    needs_loss: ClassVar[bool] = False

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        self.target = target
        self.tools = tools
        self.parts = elementary_parts(parts)

    def before(self, moment: Moment) -> None:
        """Act before the optimizer moves."""

    def after(self, moment: Moment) -> None:
        """Act after the optimizer has moved."""

    def release(self) -> None:
        """Give back what `before` borrowed."""


class Loss(Update):
    """The term is added to the loss by the caller, through `Attachment.loss`."""

    needs_loss = True

    def value(self) -> torch.Tensor:
        """Return Σ strength·penalty with its gradient, over all models."""
        w = self.target.parameter
        if self.target.stacked > 1:
            w = w.flatten(0, self.target.stacked - 1)
        return penalty_value(w, self.parts, min(1, self.target.stacked)).sum()


class Gradient(Update):
    """Before the step: gradient + strength·∂Ω; after it the caller has the old gradient back."""

    changes_gradient = True

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        super().__init__(parts, target, tools)
        self._runs = live_runs(self.parts, target.models)
        self._given: torch.Tensor | None = None
        self._changed: torch.Tensor | None = None

    def before(self, moment: Moment) -> None:
        """Put a changed copy in the place of the gradient."""
        parameter = self.target.parameter
        given = parameter.grad
        if not self._runs or given is None:
            return
        if given.is_sparse:
            raise UnsupportedOptimizer(
                f"expected a dense gradient for update='gradient', came a sparse one of "
                f"{self.target.name}: build the layer with sparse=False"
            )
        if self._changed is None or self._changed.shape != given.shape:
            self._changed = torch.empty_like(given)
        self._changed.copy_(given)
        factor = -moment.scale if moment.group.get("maximize") else moment.scale
        w, gradient = self.target.view(parameter), self.target.view(self._changed)
        for run in self._runs:
            for part in run.parts:
                _add_slope(run.cut(gradient), run.cut(w), part, factor, self.target.stacked)
        self._given, parameter.grad = given, self._changed

    def after(self, moment: Moment) -> None:  # noqa: ARG002
        """Give the caller's gradient back."""
        self.release()

    def release(self) -> None:
        """Give the caller's gradient back, unless it was replaced meanwhile."""
        if self._given is not None and self.target.parameter.grad is self._changed:
            self.target.parameter.grad = self._given
        self._given = None


class Decoupled(Update):
    """Smooth parts before the step, w − lr·strength·∂Ω; the others after it, by a scalar prox."""

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        super().__init__(parts, target, tools)
        smooth, kinked = smooth_and_kinked(self.parts)
        self._smooth = live_runs(smooth, target.models)
        self._kinked = Shrink(kinked, target.models, tools.scratch)

    def before(self, moment: Moment) -> None:
        """Decay by the smooth parts."""
        rate = float(moment.group["lr"])
        if rate == 0:
            return
        w = self.target.view(self.target.parameter)
        for run in self._smooth:
            _decay(run, run.cut(w), rate, foreach=_is_foreach(moment.group, w))

    def after(self, moment: Moment) -> None:
        """Shrink by the parts with kinks."""
        if self._kinked:
            self._kinked(self.target.view(self.target.parameter), Motion(float(moment.group["lr"])))


class Proximal(Update):
    """After the step: the prox of all parts in the optimizer's own metric."""

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        super().__init__(parts, target, tools)
        self._metric: Metric = metric_of(tools.optimizer)
        self._shrink = Shrink(self.parts, target.models, tools.scratch)
        self.buffer: float | None = None  # the momentum buffer of a constant gradient of one

    def before(self, moment: Moment) -> None:
        """Notice a momentum buffer that was there before this attachment."""
        if self.buffer is None:
            self.buffer = self._metric.steady_buffer(moment)

    def after(self, moment: Moment) -> None:
        """Shrink."""
        gain, self.buffer = self._metric.gain(moment.group, self.buffer)
        if self._shrink:
            motion = self._metric.motion(moment)
            view = self.target.view
            square = None if motion.square is None else view(motion.square)
            mean = None if motion.mean is None else view(motion.mean)
            moved = Motion(motion.rate * gain, square, mean, motion.epsilon)
            self._shrink(view(self.target.parameter), moved)


UPDATES: dict[str, type[Update]] = {
    "loss": Loss,
    "gradient": Gradient,
    "decoupled": Decoupled,
    "proximal": Proximal,
}


def _about(w: torch.Tensor, part: Part) -> torch.Tensor:
    return w if part.reference is None else w - part.reference


def _is_plain_l2(part: Part) -> bool:
    return type(part.penalty) is L2 and part.reference is None


def _spread(strength: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return one number per model in the dtype of `w`, shaped to broadcast over it."""
    return strength.to(w.device, w.dtype).view(-1, *(1,) * (w.ndim - 1))


def _add_slope(
    gradient: torch.Tensor, w: torch.Tensor, part: Part, factor: float, stacked: int
) -> None:
    """gradient += factor·strength·∂Ω(w), with the one rounding that weight_decay has."""
    slope = w if _is_plain_l2(part) else part.penalty.gradient(_about(w, part), min(1, stacked))
    if isinstance(part.strength, torch.Tensor):
        gradient.addcmul_(slope, _spread(part.strength, w), value=factor)
    else:
        gradient.add_(slope, alpha=factor * part.strength)


def _is_foreach(group: Mapping[str, Any], w: torch.Tensor) -> bool:
    """Return whether the optimizer uses foreach operations, whose roundings differ in 16 bits."""
    chosen = group.get("foreach")
    return bool(chosen) if chosen is not None else w.is_cuda and not group.get("fused")


def _decay(run: Run, w: torch.Tensor, rate: float, *, foreach: bool) -> None:
    """w ← w·(1 − rate·strength) for L2, minus rate·strength·∂Ω(w) for other smooth parts."""
    stacked = 0 if run.models is None else 1
    plain = [part for part in run.parts if _is_plain_l2(part)]
    others = [part for part in run.parts if not _is_plain_l2(part)]
    slopes = [part.penalty.gradient(_about(w, part), stacked) for part in others]
    if plain:
        total: Any = sum((part.strength for part in plain), 0.0)
        factor = _number(1 - rate * total, w)
        if foreach and isinstance(factor, float):
            torch._foreach_mul_([w], factor)  # pyright: ignore[reportPrivateImportUsage]
        else:
            w.mul_(factor)
    for part, slope in zip(others, slopes, strict=True):
        w.sub_(slope * _number(rate * part.strength, w))


def _number(value: Any, w: torch.Tensor) -> Any:
    return _spread(value, w) if isinstance(value, torch.Tensor) else value
