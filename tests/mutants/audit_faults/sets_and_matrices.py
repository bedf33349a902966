"""PyTorch loops that project, or shrink singular values, wrongly, on some weights, or never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from shrinkage import (
    Cardinality,
    GlobalCardinality,
    MaxNorm,
    NuclearNorm,
    Orthogonal,
    Rank,
    SoftOrthogonality,
)
from tests.builders.torch_networks import matrices
from tests.mutants.audit_faults.networks import (
    RATE,
    Batch,
    Model,
    Optimizer,
    batch,
    in_the_loss,
    network,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, TorchAudit, fault

Project = Callable[[list[torch.Tensor], float], None]


def after_the_step(terms: Any, project: Project) -> TorchAudit:
    """Audit `project(matrices, scale)` after every step, where the scale is above 0."""

    def step(model: Model, optimizer: Optimizer, given: Batch, scale: float) -> None:
        plain_step(model, optimizer, given, scale)
        if scale > 0:
            with torch.no_grad():
                project(list(matrices(model)), scale)

    model = network()
    return TorchAudit(model, torch.optim.SGD(model.parameters(), lr=RATE), step, batch(), terms)


def largest(w: torch.Tensor, count: int) -> torch.Tensor:
    """Return w without all but its largest weights."""
    least = w.abs().flatten().topk(count).values[-1]
    return torch.where(w.abs() >= least, w, 0.0)


@fault("pytorch", "wrong-direction")
def smallest_stay() -> Audited:
    """The smallest half of each layer is kept."""

    def project(layers: list[torch.Tensor], scale: float) -> None:
        for w in layers:
            w.sub_(largest(w, w.numel() - int(w.numel() / 2 / scale)))

    return after_the_step(2.0 * Cardinality(), project)


@fault("pytorch", "selected-unchanged")
def first_layer_alone() -> Audited:
    """The second layer is never projected."""

    def project(layers: list[torch.Tensor], scale: float) -> None:
        layers[0].copy_(largest(layers[0], int(layers[0].numel() / 2 / scale)))

    return after_the_step(2.0 * Cardinality(), project)


@fault("pytorch", "no-effect")
def projected_copies() -> Audited:
    """The projection is thrown away."""

    def project(layers: list[torch.Tensor], scale: float) -> None:
        for w in layers:
            largest(w, int(w.numel() / 2 / scale))

    return after_the_step(2.0 * Cardinality(), project)


@fault("pytorch", "wrong-direction", "not-linear")
def each_layer_instead_of_all() -> Audited:
    """Each layer keeps its half, where the largest half of all was meant."""

    def project(layers: list[torch.Tensor], scale: float) -> None:
        layers[1].mul_(5)
        for w in layers:
            w.copy_(largest(w, int(w.numel() / 2 / scale)))
        layers[1].div_(5)

    return after_the_step(2.0 * GlobalCardinality(), project)


@fault("pytorch", "wrong-direction", "not-linear")
def a_longer_radius() -> Audited:
    """Rows are cut to twice the radius."""

    def project(layers: list[torch.Tensor], scale: float) -> None:
        for w in layers:
            w.mul_((0.6 / scale / w.norm(dim=1, keepdim=True)).clamp(max=1))

    return after_the_step(1.0 * MaxNorm(radius=0.3), project)


@fault("pytorch", "wrong-direction", "not-linear")
def one_rank_too_many() -> Audited:
    """One singular value more is kept."""

    def project(layers: list[torch.Tensor], scale: float) -> None:
        for w in layers:
            u, s, v = torch.linalg.svd(w, full_matrices=False)
            keep = max(1, int(len(s) / 1.5 / scale)) + 1
            w.copy_((u[:, :keep] * s[:keep]) @ v[:keep])

    return after_the_step(1.5 * Rank(), project)


@fault("pytorch", "wrong-direction")
def rows_of_length_one() -> Audited:
    """Rows are normalized, not made orthogonal."""

    def project(layers: list[torch.Tensor], scale: float) -> None:  # noqa: ARG001
        for w in layers:
            w.div_(w.norm(dim=1, keepdim=True))

    return after_the_step(1.0 * Orthogonal(), project)


@fault("pytorch", "wrong-factor")
def quarter_forgotten() -> Audited:
    """The literature's ‖WᵀW − I‖² with the strength of a quarter of it."""

    def penalty(model: Model, strength: float) -> torch.Tensor:
        grams = (w @ w.T if len(w) <= len(w.T) else w.T @ w for w in matrices(model))
        return strength * sum((g - torch.eye(len(g), dtype=g.dtype)).square().sum() for g in grams)

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    terms = 0.1 * SoftOrthogonality()
    return TorchAudit(model, optimizer, in_the_loss(penalty), batch(), terms)


@fault("pytorch", "wrong-direction", "wrong-factor")
def frobenius_for_nuclear() -> Audited:
    """The root of Σσ² where Σσ was meant."""

    def penalty(model: Model, strength: float) -> torch.Tensor:
        return strength * sum(w.norm() for w in matrices(model))

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    return TorchAudit(model, optimizer, in_the_loss(penalty), batch(), 0.1 * NuclearNorm())
