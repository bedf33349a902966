"""Correct PyTorch loops with other penalties, selections and ways of writing them."""

from __future__ import annotations

from typing import Any

import torch

from shrinkage import (
    L1,
    L2,
    Cardinality,
    ElasticNet,
    GlobalCardinality,
    GroupLasso,
    Hierarchical,
    MaxNorm,
    NuclearNorm,
    Orthogonal,
    Rank,
    SoftOrthogonality,
    biases,
    norms,
)
from shrinkage import weights as weights_selected
from tests.builders.torch_networks import absolute_values, half_squares, matrices
from tests.mutants.audit_faults.networks import (
    RATE,
    STRENGTH,
    Batch,
    Model,
    Optimizer,
    audited,
    batch,
    data_loss,
    in_the_loss,
    network,
    normed,
    plain_step,
)
from tests.mutants.audit_faults.records import Audited, Loop, TorchAudit, loop


def by_library(terms: Any) -> TorchAudit:
    """Audit penalty_loss(model, terms) added to the loss."""
    from shrinkage.pytorch import penalty_loss

    def penalty(model: Model, strength: float):
        return penalty_loss(model, terms.scaled(strength / STRENGTH))

    return audited(in_the_loss(penalty), terms)


_BY_LIBRARY = {
    "l1": STRENGTH * L1(),
    "l2": STRENGTH * L2(),
    "elastic-net": STRENGTH * ElasticNet(0.3),
    "group-lasso": STRENGTH * GroupLasso(per="input"),
    "sum": 0.02 * L1() + STRENGTH * L2(),
    "nuclear-norm": STRENGTH * NuclearNorm(),
    "soft-orthogonality": STRENGTH * SoftOrthogonality(),
}


BY_LIBRARY = tuple(
    Loop(f"penalty-loss-{name}", "pytorch", lambda terms=terms: by_library(terms))
    for name, terms in _BY_LIBRARY.items()
)


def attached(update: str, terms: Any, kind: Any = torch.optim.SGD) -> TorchAudit:
    """Audit terms attached to an optimizer by an update."""
    from shrinkage.pytorch import regularize

    model = network()
    optimizer = kind(model.parameters(), lr=RATE)
    regularize(optimizer, model, terms, update)
    return TorchAudit(model, optimizer, plain_step, batch())


ATTACHED = tuple(
    Loop(
        f"regularize-{update}-{name}",
        "pytorch",
        lambda update=update, terms=terms: attached(update, terms),
    )
    for update in ("gradient", "decoupled", "proximal")
    for name, terms in (
        ("l1", STRENGTH * L1()),
        ("l2", STRENGTH * L2()),
        ("group-lasso", STRENGTH * GroupLasso(per="output")),
    )
)


SETS = tuple(
    Loop(
        f"regularize-{kind.__name__}-{update}-{terms.penalty.name}".lower(),
        "pytorch",
        lambda update=update, terms=terms, kind=kind: attached(update, terms, kind),
    )
    for kind, update, terms in (
        (torch.optim.SGD, "proximal", 2.0 * Cardinality()),
        (torch.optim.Adam, "proximal", 2.0 * Cardinality()),
        (torch.optim.Adam, "decoupled", 2.0 * Cardinality()),
        (torch.optim.SGD, "proximal", 2.0 * GlobalCardinality()),
        (torch.optim.Adam, "proximal", 2.0 * GlobalCardinality()),
        (torch.optim.Adam, "proximal", 1.0 * MaxNorm(radius=0.3)),
        (torch.optim.SGD, "proximal", STRENGTH * NuclearNorm()),
        (torch.optim.SGD, "proximal", STRENGTH * Hierarchical()),
        (torch.optim.Adam, "proximal", STRENGTH * Hierarchical()),
        (torch.optim.Adam, "decoupled", STRENGTH * NuclearNorm()),
        (torch.optim.Adam, "decoupled", 1.5 * Rank()),
        (torch.optim.Adam, "decoupled", 1.0 * Orthogonal()),
        (torch.optim.Adam, "decoupled", STRENGTH * SoftOrthogonality()),
    )
)


@loop("pytorch")
def regularize_loss() -> Audited:
    """The update "loss": the loop adds attachment.loss() of terms scaled by hand."""
    from shrinkage.pytorch import penalty_loss

    terms = (STRENGTH * L1()).with_update("loss")

    def penalty(model: Model, strength: float):
        return penalty_loss(model, terms.scaled(strength / STRENGTH))

    return audited(in_the_loss(penalty), terms)


@loop("pytorch")
def elastic_net_by_hand() -> Audited:
    """0.3·Σ|w| + 0.7·½Σw², written out."""

    def penalty(model: Model, strength: float):
        return strength * (0.3 * absolute_values(model) + 0.7 * half_squares(model))

    return audited(in_the_loss(penalty), STRENGTH * ElasticNet(0.3))


@loop("pytorch")
def group_lasso_by_hand() -> Audited:
    """Σ √|g| ‖w_g‖ over output units."""

    def penalty(model: Model, strength: float):
        return strength * sum(w.shape[1] ** 0.5 * w.norm(dim=1).sum() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * GroupLasso(per="output"))


@loop("pytorch")
def whole_squares_with_half_the_strength() -> Audited:
    """½λ·Σw², the half in the strength."""

    def penalty(model: Model, strength: float):
        return strength / 2 * sum(w.pow(2).sum() for w in matrices(model))

    return audited(in_the_loss(penalty), STRENGTH * L2(), dtype=torch.float32)


@loop("pytorch")
def gradient_by_hand() -> Audited:
    """λ·sign(w) added to .grad between backward and step."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        data_loss(model, data).backward()
        for w in matrices(model):
            assert w.grad is not None
            w.grad.add_(w.detach().sign(), alpha=scale * STRENGTH)
        optimizer.step()

    return audited(training_step, STRENGTH * L1())


@loop("pytorch")
def threshold_by_hand() -> Audited:
    """Soft-thresholding by lr·λ after SGD's step."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        plain_step(model, optimizer, data, scale)
        with torch.no_grad():
            for w in matrices(model):
                limit = RATE * scale * STRENGTH
                w.sub_(w.clamp(-limit, limit))

    return audited(training_step, (STRENGTH * L1()).with_update("proximal"))


@loop("pytorch")
def maximized_objective_with_a_negative_penalty() -> Audited:
    """maximize=True, and the penalty is subtracted from the objective."""

    def training_step(model: Model, optimizer: Optimizer, data: Batch, scale: float) -> None:
        optimizer.zero_grad()
        (-data_loss(model, data) - scale * STRENGTH * half_squares(model)).backward()
        optimizer.step()

    def optimizer(parameters: Any) -> Optimizer:
        return torch.optim.SGD(parameters, lr=RATE, maximize=True)

    return audited(training_step, STRENGTH * L2(), optimizer=optimizer)


@loop("pytorch")
def biases_and_norms_on_purpose() -> Audited:
    """Everything is penalised, and the terms name the roles."""
    terms = (STRENGTH * L2()).on(weights_selected() | biases() | norms())

    def penalty(model: Model, strength: float):
        return strength * sum(0.5 * p.square().sum() for p in model.parameters())

    return audited(in_the_loss(penalty), terms, normed())


@loop("pytorch")
def only_the_head_on_purpose() -> Audited:
    """The terms select the head, and so does the loop."""

    def penalty(model: Any, strength: float):
        return strength * model.head.weight.abs().sum()

    return audited(in_the_loss(penalty), (STRENGTH * L1()).on("head.*"), normed())


@loop("pytorch")
def towards_the_pretrained_weights() -> Audited:
    """½λ‖w − w₀‖²."""
    reference = {name: 0.5 * p.detach().clone() for name, p in network().named_parameters()}

    def penalty(model: Model, strength: float):
        named = model.named_parameters()
        gaps = [(p - reference[name]).square().sum() for name, p in named if p.ndim > 1]
        return strength * 0.5 * sum(gaps)

    return audited(in_the_loss(penalty), (STRENGTH * L2()).around(reference))
