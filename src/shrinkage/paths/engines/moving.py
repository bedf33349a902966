"""Adam and the penalties on the buffers of a stack: how a step moves the weights.

Who uses this: the stacked engine. There are two ways, and a stack may need both. L1 and L2 about
zero by the update `proximal`, and parameters without a penalty, go through one compiled pass over
the flat buffers: Adam, prox and the count of zeros at once; on a GPU through the same in torch's
operations, compiled. A group lasso along a leading axis (by input), alone or with L1 and L2, has a
compiled pass of its own on the CPU. Everything else, and all of it where the kernels were not
built, goes through torch's own Adam on views of the same buffers, with the parts attached to its
step as a user's would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from shrinkage.paths.engines.device_pass import DevicePass
from shrinkage.paths.engines.flat import FlatStack
from shrinkage.penalties import Combination, Penalty
from shrinkage.pytorch import attach
from shrinkage.pytorch.prox.group import groups_of
from shrinkage.pytorch.prox.kernels import adam_groups
from shrinkage.pytorch.prox.kernels.adam import DTYPES, AdamNumbers, AdamPass, is_built
from shrinkage.terms import Part

# A term in the loss is differentiated: the gradient it adds is the one that `gradient` adds.
AS_GRADIENT = {"loss": "gradient"}
IN_ONE_PASS = {Combination.THRESHOLD: 0, Combination.RIDGE: 1, Combination.GROUP: 2}


class Optimizer:
    """Adam with the parts of every parameter, each with one strength a model.

    Args:
        flat: the buffers; their moments and steps are gone on with.
        parts: elementary or sums, by the name of the parameter; strengths are tensors (models,).
    """

    def __init__(self, flat: FlatStack, parts: Mapping[str, Sequence[Part]]) -> None:
        self._flat, self._numbers = flat, AdamNumbers()
        own = {name: InOnePass.of(flat, name, parts.get(name, ())) for name in flat.parameters}
        in_one_pass = {name: some for name, some in own.items() if some is not None}
        self._others = [name for name in own if name not in in_one_pass]
        self.device_pass: DevicePass | None = None
        segments: list[Segment] = []
        if is_resident(flat) and in_one_pass:
            strengths = {name: some.strengths[:2] for name, some in in_one_pass.items()}
            self.device_pass = DevicePass(flat, strengths)
        else:
            segments = [each for name, some in in_one_pass.items() for each in some.models(name)]
        self._plain = [segment for segment in segments if not segment.group]
        self._grouped = [segment for segment in segments if segment.group]
        self._pass = _pass(flat, self._plain) if self._plain else None
        self._group_pass = _group_pass(flat, self._grouped) if self._grouped else None
        self._torch = _torch_adam(flat, self._others, parts) if self._others else None

    @property
    def is_hooked(self) -> bool:
        """Return whether torch's own Adam moves some of the parameters."""
        return self._torch is not None

    @property
    def zeros(self) -> dict[str, np.ndarray]:
        """Return how many zeros the weights of each model have, by parameter: after a step."""
        counts = {
            name: (self._flat.parameters[name].flatten(1) == 0).sum(1).cpu().numpy()
            for name in self._flat.parameters
            if self.device_pass is not None or name in self._others
        }
        passes = ((self._pass, self._plain), (self._group_pass, self._grouped))
        for known, segments in passes:
            zeros = [] if known is None else known.zeros.tolist()
            for segment, count in zip(segments, zeros, strict=True):
                models = self._flat.stretches[segment.name].shape[0]
                counts.setdefault(segment.name, np.zeros(models, np.int64))[segment.model] = count
        return counts

    def step(self, rate: float) -> None:
        """Move the weights by the gradients that are there."""
        flat = self._flat
        if self.device_pass is not None:
            self.device_pass(self.device_pass.table([rate])[0])
        flat.steps += 1
        numbers = self._numbers.at(flat.steps, rate)
        buffers = flat.values, flat.gradients, flat.first, flat.second
        if self._pass is not None:
            self._pass(*buffers, numbers, flat.narrow)
        if self._group_pass is not None:
            self._group_pass(buffers, numbers, flat.narrow)
        if self._torch is not None:
            self._torch.param_groups[0]["lr"] = rate
            self._step_of_torch(self._torch)

    @torch.no_grad()
    def _step_of_torch(self, optimizer: torch.optim.Optimizer) -> None:
        flat = self._flat
        views = {name: flat.narrow_views(name) for name in self._others}
        for name, own in views.items():
            if own is not None:
                flat.stretches[name].view(flat.gradients).copy_(own[0])
        optimizer.step()
        for name, own in views.items():
            if own is not None:
                own[1].copy_(flat.parameters[name])


def is_resident(flat: FlatStack) -> bool:
    """Return whether the stack lies on a GPU."""
    return flat.values.is_cuda


def _takes_kernel(flat: FlatStack) -> bool:
    return is_built() and flat.values.is_cpu and flat.values.dtype in DTYPES


@dataclass(frozen=True)
class Segment:
    """A model of a parameter, in one segment of a pass, with its strengths."""

    name: str
    model: int
    l1: float
    l2: float
    group: float = 0.0
    lengths: tuple[int, int, int] = (1, 1, 1)


@dataclass(frozen=True)
class InOnePass:
    """The strengths of a parameter that goes through the passes.

    Args:
        strengths: of L1, L2, and the group penalty times √|g|: (3, models).
        lengths: of the array as (outer, members of a group, inner), where it has groups.
    """

    strengths: np.ndarray
    lengths: tuple[int, int, int]

    @classmethod
    def of(cls, flat: FlatStack, name: str, parts: Sequence[Part]) -> InOnePass | None:
        """Return those of a parameter, None where the passes are not for its parts."""
        if not (is_resident(flat) or _takes_kernel(flat)):
            return None
        models, *shape = flat.stretches[name].shape
        strengths, groups = np.zeros((3, models)), list[Penalty]()
        for part in (own for whole in parts for own in whole.elementary()):
            units, penalty = part.penalty.on_its_units()
            row = IN_ONE_PASS.get(penalty.combines)
            if units is not None or row is None or part.reference is not None:
                return None
            if part.update != "proximal":
                return None
            groups += [penalty] if penalty.combines is Combination.GROUP else []
            strengths[row] += np.asarray(part.strength)
        if not groups:
            return cls(strengths, (1, 1, 1))
        laid = _laid_out(groups, torch.Size(shape))
        if laid is None or is_resident(flat):
            return None
        strengths[2] *= laid[1] ** 0.5
        return cls(strengths, laid)

    def models(self, name: str) -> list[Segment]:
        """Return the segment of each model."""
        return [
            Segment(name, model, l1, l2, group, self.lengths)
            for model, (l1, l2, group) in enumerate(self.strengths.T.tolist())
        ]


def _laid_out(groups: Sequence[Penalty], shape: torch.Size) -> tuple[int, int, int] | None:
    """Return the lengths of an array around the axes within a group; None where they are split.

    None, too, where no axis follows them: there is nothing to work on side by side.
    """
    own = groups_of(groups[0], shape)
    if own is None or not adam_groups.is_built() or any(group != groups[0] for group in groups):
        return None
    axes = sorted(axis + len(shape) for axis in own.within)
    first, last = axes[0], axes[-1]
    inner = shape[last + 1 :].numel()
    if last - first + 1 != len(axes) or inner == 1:
        return None
    return shape[:first].numel(), shape[first : last + 1].numel(), inner


def _begin(flat: FlatStack, segment: Segment) -> int:
    stretch = flat.stretches[segment.name]
    return stretch.begin + segment.model * stretch.of_model


def _pass(flat: FlatStack, segments: Sequence[Segment]) -> AdamPass:
    """Return the pass over these segments."""
    places = [(_begin(flat, own), flat.stretches[own.name].of_model) for own in segments]
    l1, l2 = np.array([(segment.l1, segment.l2) for segment in segments]).T
    return AdamPass(places, l1, l2, [own.name in flat.narrowed for own in segments])


def _group_pass(flat: FlatStack, segments: Sequence[Segment]) -> adam_groups.AdamGroupPass:
    """Return the pass over these segments, which have groups."""
    return adam_groups.AdamGroupPass(
        [
            adam_groups.GroupSegment(
                _begin(flat, own), own.lengths, own.l1, own.l2, own.group, own.name in flat.narrowed
            )
            for own in segments
        ]
    )


def _torch_adam(
    flat: FlatStack, names: Sequence[str], parts: Mapping[str, Sequence[Part]]
) -> torch.optim.Optimizer:
    """Return torch's Adam with the parts attached, its moments views of the buffers."""
    optimizer = torch.optim.Adam([flat.parameters[name] for name in names], fused=True)
    for name in names:
        first, second = flat.moments(name)
        step = torch.tensor(float(flat.steps), dtype=torch.float32, device=first.device)
        state = {"step": step, "exp_avg": first, "exp_avg_sq": second}
        optimizer.state[flat.parameters[name]] = state
    own = {
        flat.parameters[name]: [_as_gradient(part) for part in parts[name]]
        for name in names
        if parts.get(name)
    }
    if own:
        attach(optimizer, own, stacked=1)
    return optimizer


def _as_gradient(part: Part) -> Part:
    return replace(part, update=AS_GRADIENT.get(part.update, part.update))
