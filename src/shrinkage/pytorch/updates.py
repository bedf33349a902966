"""The four updates: how a term enters training, one class each, one object a parameter.

Who uses this: `Attachment`, which calls `before` just before the optimizer moves a parameter and
`after` just after. They work on one model or on many stacked along a leading axis, with one
strength per model, and touch no model whose strengths are 0. `UPDATES` is the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import torch

from shrinkage.errors import UnsupportedOptimizer
from shrinkage.penalties import L2, Part, elementary_parts, smooth_and_kinked
from shrinkage.pytorch.loss import penalty_value
from shrinkage.pytorch.metrics import Metric, Moment, Motion, metric_of
from shrinkage.pytorch.metrics.motion import no_gain, nothing
from shrinkage.pytorch.resolution import Resolution
from shrinkage.pytorch.sharding import is_sharded, local, piece_of, whole
from shrinkage.pytorch.shrink import Run, Shrink, live_runs
from shrinkage.pytorch.threshold import Scratch


@dataclass(frozen=True, eq=False)
class Target:
    """One parameter of an optimizer, and the models along its leading axes (0: no such axis).

    `gathered` says that its pieces on several processes are worked on as one whole tensor.
    """

    name: str
    parameter: torch.Tensor
    stacked: int = 0
    gathered: bool = False
    resolution: Resolution = field(default_factory=Resolution)

    @cached_property
    def is_plain(self) -> bool:
        """Whether the tensors are worked on as they are."""
        return self.stacked <= 1 and not is_sharded(self.parameter)

    @property
    def models(self) -> int | None:
        """How many models lie along the leading axes."""
        return self.parameter.shape[: self.stacked].numel() if self.stacked else None

    def view(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return what this process works on, the model axes as one, sharing memory.

        A gathered tensor is a copy: `put` writes it back.
        """
        tensor = tensor.detach()
        if self.is_plain:
            return tensor
        if is_sharded(tensor):
            tensor = whole(tensor) if self.gathered else local(tensor)
        if self.stacked <= 1:
            return tensor
        return tensor.view(-1, *tensor.shape[self.stacked :])

    def put(self, view: torch.Tensor, tensor: torch.Tensor) -> None:
        """Write a view of a tensor back to it, where the view is a copy."""
        if self.gathered:
            local(tensor.detach()).copy_(piece_of(view, tensor))


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
        self.makes_zeros = False
        self.target = target
        self.tools = tools
        self.parts = elementary_parts(parts)

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same parts with other strengths."""
        self.parts = elementary_parts(parts)

    @property
    def acts_before(self) -> bool:
        """Whether `before` does anything at these strengths."""
        return False

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

    @property
    def acts_before(self) -> bool:
        """Whether some strength is not 0."""
        return bool(self._runs)

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same parts with other strengths."""
        super().set_strengths(parts)
        self._runs = live_runs(self.parts, self.target.models)

    def before(self, moment: Moment) -> None:
        """Put a changed copy in the place of the gradient."""
        parameter = self.target.parameter
        given = parameter.grad
        if not self._runs or given is None:
            return
        if given.is_sparse:
            raise UnsupportedOptimizer(
                f"expected a dense gradient for update='gradient', got a sparse one of "
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
        self.target.put(gradient, self._changed)
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
        self.route = Shrink(kinked, target.models, tools.scratch)
        self.makes_zeros = bool(kinked)
        self._take_smooth(smooth)

    def _take_smooth(self, smooth: Sequence[Part]) -> None:
        self._smooth = live_runs(smooth, self.target.models)
        plain = self.target.models is None and all(_is_plain_l2(part) for part in smooth)
        self.decay = sum(part.strength for part in smooth) if plain else None

    @property
    def acts_before(self) -> bool:
        """Whether there is a smooth part whose strength is not 0."""
        return bool(self._smooth)

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same parts with other strengths."""
        super().set_strengths(parts)
        smooth, kinked = smooth_and_kinked(self.parts)
        self._take_smooth(smooth)
        self.route.set_strengths(kinked)

    def before(self, moment: Moment) -> None:
        """Decay by the smooth parts; plain L2 is a product, bit for bit that of AdamW."""
        rate = float(moment.group["lr"]) if self._smooth else 0.0
        if rate == 0:
            return
        target = self.target
        w = target.view(target.parameter)
        multiply = product_of(moment.group, w)
        if self.decay is not None:
            target.resolution.decay(w, rate * self.decay, multiply)
        else:
            for run in self._smooth:
                if run.models is None:
                    target.resolution.shrink(_Descent(run, multiply), w, Motion(rate))
                else:
                    _decay(run, run.cut(w), rate, multiply)
        target.put(w, target.parameter)

    def after(self, moment: Moment) -> None:
        """Shrink by the parts with kinks."""
        if self.route:
            _shrink(self.target, self.route, Motion(float(moment.group["lr"])))


class Proximal(Update):
    """After the step: the prox of all parts in the optimizer's own metric."""

    def __init__(self, parts: Sequence[Part], target: Target, tools: Tools) -> None:
        super().__init__(parts, target, tools)
        self.metric: Metric = metric_of(tools.optimizer)
        self.route = Shrink(self.parts, target.models, tools.scratch)
        self._noted: Any = None
        self.makes_zeros = bool(smooth_and_kinked(self.parts)[1])
        self.buffer: float | None = None  # the momentum buffer of a constant gradient of one
        self.last_gain = 1.0  # what momentum made of a constant push in the last step

    def set_strengths(self, parts: Sequence[Part]) -> None:
        """Take the same parts with other strengths."""
        super().set_strengths(parts)
        self.route.set_strengths(self.parts)

    @property
    def acts_before(self) -> bool:
        """Whether the metric needs something from before the step."""
        return not self.reads_state_only

    @property
    def reads_state_only(self) -> bool:
        """Whether the metric needs neither the state before the step nor a momentum's gain."""
        return self.metric.note is nothing and self.metric.gain is no_gain

    def before(self, moment: Moment) -> None:
        """Note what the metric needs of the state before the step."""
        if self.buffer is None:
            self.buffer = self.metric.steady_buffer(moment)
        self._noted = self.metric.note(moment, self.target.parameter)

    def after(self, moment: Moment) -> None:
        """Shrink."""
        gain, self.buffer = self.metric.gain(moment.group, self.buffer)
        self.last_gain = gain
        if self.route:
            motion = self.metric.motion(moment, self._noted)
            _shrink(self.target, self.route, _viewed(motion, self.target, gain))
        self._noted = None


UPDATES: dict[str, type[Update]] = {
    "loss": Loss,
    "gradient": Gradient,
    "decoupled": Decoupled,
    "proximal": Proximal,
}


def _viewed(motion: Motion, target: Target, gain: float) -> Motion:
    """Return the motion of what this process works on, amplified by the momentum's gain."""
    seen = motion if target.is_plain else motion.each(target.view)
    return seen if gain == 1 else replace(seen, rate=seen.rate * gain)


def _shrink(target: Target, route: Shrink, motion: Motion) -> None:
    w = target.view(target.parameter)
    if target.stacked:
        route(w, motion)
    else:
        target.resolution.shrink(route, w, motion)
    target.put(w, target.parameter)


def _is_plain_l2(part: Part) -> bool:
    return type(part.penalty) is L2 and part.reference is None


def _spread(strength: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return one number per model in the dtype of `w`, shaped to broadcast over it."""
    return strength.to(w.device, w.dtype).view(-1, *(1,) * (w.ndim - 1))


def _add_slope(
    gradient: torch.Tensor, w: torch.Tensor, part: Part, factor: float, stacked: int
) -> None:
    """gradient += factor·strength·∂Ω(w), with the one rounding that weight_decay has."""
    slope = w if _is_plain_l2(part) else part.penalty.gradient(part.about(w), min(1, stacked))
    if isinstance(part.strength, torch.Tensor):
        gradient.addcmul_(slope, _spread(part.strength, w), value=factor)
    else:
        gradient.add_(slope, alpha=factor * part.strength)


def product_of(group: Mapping[str, Any], w: torch.Tensor) -> Callable[[torch.Tensor, Any], Any]:
    """Return the in-place product of the optimizer's variant: in 16 bits foreach rounds apart."""
    chosen = group.get("foreach")
    foreach = bool(chosen) if chosen is not None else w.is_cuda and not group.get("fused")
    return _foreach_product if foreach else torch.Tensor.mul_


def _foreach_product(w: torch.Tensor, factor: Any) -> None:
    if isinstance(factor, float):
        torch._foreach_mul_([w], factor)  # pyright: ignore[reportPrivateImportUsage]
    else:
        w.mul_(factor)


@dataclass(frozen=True, eq=False)
class _Descent:
    """A decay by smooth parts that are not all plain L2, as a shrink in place."""

    run: Run
    multiply: Callable[[torch.Tensor, Any], Any]

    @property
    def is_separable(self) -> bool:
        return False  # references have the shape of the whole parameter

    def threshold(self, motion: Motion) -> float | None:  # noqa: ARG002
        return None

    def __call__(self, w: torch.Tensor, motion: Motion) -> None:
        _decay(self.run, w, motion.rate, self.multiply)


def _decay(
    run: Run, w: torch.Tensor, rate: float, multiply: Callable[[torch.Tensor, Any], Any]
) -> None:
    """w ← w·(1 − rate·strength) for L2, minus rate·strength·∂Ω(w) for other smooth parts."""
    stacked = 0 if run.models is None else 1
    plain = [part for part in run.parts if _is_plain_l2(part)]
    others = [part for part in run.parts if not _is_plain_l2(part)]
    slopes = [part.penalty.gradient(part.about(w), stacked) for part in others]
    if plain:
        total: Any = sum((part.strength for part in plain), 0.0)
        multiply(w, _number(1 - rate * total, w))
    for part, slope in zip(others, slopes, strict=True):
        w.sub_(slope * _number(rate * part.strength, w))


def _number(value: Any, w: torch.Tensor) -> Any:
    return _spread(value, w) if isinstance(value, torch.Tensor) else value
