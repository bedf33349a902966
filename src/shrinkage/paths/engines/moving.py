"""Adam and the penalties on the buffers of a stack: how a step moves the weights.

Who uses this: the stacked engine. There are two ways, and a stack may need both. L1 and L2 about
zero by the update `proximal`, and parameters without a penalty, go through one compiled pass over
the flat buffers: Adam, prox and the count of zeros at once; on a GPU through the same in torch's
operations, compiled. Everything else, and all of it where
the kernels were not built, goes through torch's own Adam on views of the same buffers, with the
parts attached to its step as a user's would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from shrinkage.paths.engines.device_pass import DevicePass
from shrinkage.paths.engines.flat import FlatStack
from shrinkage.penalties import Combination
from shrinkage.pytorch import attach
from shrinkage.pytorch.prox.kernels.adam import DTYPES, AdamNumbers, AdamPass, is_built
from shrinkage.terms import Part

# A term in the loss is differentiated: the gradient it adds is the one that `gradient` adds.
AS_GRADIENT = {"loss": "gradient"}
IN_ONE_PASS = {Combination.THRESHOLD: 0, Combination.RIDGE: 1}


class Optimizer:
    """Adam with the parts of every parameter, each with one strength a model.

    Args:
        flat: the buffers; their moments and steps are gone on with.
        parts: elementary or sums, by the name of the parameter; strengths are tensors (models,).
    """

    def __init__(self, flat: FlatStack, parts: Mapping[str, Sequence[Part]]) -> None:
        self._flat, self._numbers = flat, AdamNumbers()
        strengths = {name: _strengths(flat, parts.get(name, ())) for name in flat.parameters}
        self._others = [name for name, own in strengths.items() if own is None]
        in_one_pass = {name: own for name, own in strengths.items() if own is not None}
        on_device = is_resident(flat) and bool(in_one_pass)
        self.device_pass = DevicePass(flat, in_one_pass) if on_device else None
        self._segments = [
            Segment(name, model, float(l1), float(l2))
            for name, own in in_one_pass.items()
            for model, (l1, l2) in enumerate(own.T)
            if not on_device
        ]
        self._pass = _pass(flat, self._segments) if self._segments else None
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
        known = [] if self._pass is None else self._pass.zeros.tolist()
        for segment, zeros in zip(self._segments, known, strict=True):
            counts.setdefault(segment.name, np.empty(0, np.int64))
            counts[segment.name] = np.append(counts[segment.name], zeros)
        return counts

    def step(self, rate: float) -> None:
        """Move the weights by the gradients that are there."""
        flat = self._flat
        if self.device_pass is not None:
            self.device_pass(self.device_pass.table([rate])[0])
        flat.steps += 1
        if self._pass is not None:
            numbers = self._numbers.at(flat.steps, rate)
            moments = flat.first, flat.second
            self._pass(flat.values, flat.gradients, *moments, numbers, flat.narrow)
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


def _strengths(flat: FlatStack, parts: Sequence[Part]) -> np.ndarray | None:
    """Return the strengths of L1 and L2, (2, models); None where the one pass is not for them."""
    if not (is_resident(flat) or _takes_kernel(flat)):
        return None
    models = len(next(iter(flat.parameters.values())))
    strengths = np.zeros((2, models))
    for part in (own for whole in parts for own in whole.elementary()):
        units, penalty = part.penalty.on_its_units()
        row = IN_ONE_PASS.get(penalty.combines)
        if units is not None or row is None or part.reference is not None:
            return None
        if part.update != "proximal":
            return None
        strengths[row] += np.asarray(part.strength)
    return strengths


@dataclass(frozen=True)
class Segment:
    """A model of a parameter, in one segment of the pass, with its strengths of L1 and L2."""

    name: str
    model: int
    l1: float
    l2: float


def _pass(flat: FlatStack, segments: Sequence[Segment]) -> AdamPass:
    """Return the pass over these segments."""
    places = []
    for segment in segments:
        stretch = flat.stretches[segment.name]
        places.append((stretch.begin + segment.model * stretch.of_model, stretch.of_model))
    l1, l2 = np.array([(segment.l1, segment.l2) for segment in segments]).T
    return AdamPass(places, l1, l2, [own.name in flat.narrowed for own in segments])


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
