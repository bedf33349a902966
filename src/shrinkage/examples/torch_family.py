"""What the four experiments of the PyTorch text have in common: collapse, audit, path, ledger.

Who uses this: `torch_l1`, `torch_l2`, `torch_adam_weight_decay` and `torch_elastic_net`, each of
which is a `Family`. Five runs: as published; three steps of the audit; a path of strengths, which
trains with the library's recipe (Adam with warm-up to 4e-3 and cosine, batches of 128); and the
published loop and optimizer again, with the path's strength through `regularize`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from shrinkage.audits.findings import Report
from shrinkage.examples import torch_tables
from shrinkage.examples.outcome import Outcome, Text
from shrinkage.examples.pictures import Pictures, pictures
from shrinkage.examples.published import (
    BATCH,
    EPOCHS,
    PRINT_EVERY,
    RATE,
    PenaltyLoss,
    Seen,
    Tensors,
    exact_zeros,
    network,
    published_step,
    train,
)
from shrinkage.paths import fit_path
from shrinkage.paths.results.fitted import FittedPath
from shrinkage.penalties import Penalty
from shrinkage.pytorch import audit, regularize
from shrinkage.pytorch.ledger import Ledger
from shrinkage.terms import Term, Terms

ON_DIGITS, PATH_ON_DIGITS = 80, 40  # epochs: digits are few


@dataclass(frozen=True, kw_only=True)
class Family:
    """One penalty of the text, and what replaces it.

    Args:
        name: of the experiment.
        words: the published penalty in words.
        loss: the published penalty, added to the loss; None where it is in the optimizer.
        weight_decay: the published `Adam(weight_decay=…)`.
        terms: the published penalty as terms; None to read them off the optimizer.
        penalty: what the path uses.
        update: how it enters training.
        strengths: of the path, by kind of pictures.
        accuracy: the bar of the best model's test accuracy, by kind of pictures.
        sparse: bars of the sparse choice's zeros and accuracy, by kind; empty without one.
    """

    name: str
    words: str
    loss: PenaltyLoss | None = None
    weight_decay: float = 0.0
    terms: Term | Terms | None = None
    penalty: Penalty
    update: str = "proximal"
    strengths: tuple[float, ...]
    accuracy: Mapping[str, float]
    sparse: Mapping[str, tuple[float, float]]

    def optimizer(self, model: nn.Module, *, decays: bool = True) -> torch.optim.Adam:
        """Return the published optimizer, with its own weight decay or without."""
        weight_decay = self.weight_decay if decays else 0.0
        return torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=weight_decay)


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model and what was seen of it."""

    accuracy: float
    zeros: float
    seen: Seen
    report: Report
    ledger: str = ""


def run_family(
    family: Family, *, full: bool, data: str | None, part: int = 10_000, epochs: int | None = None
) -> Outcome:
    """Run a family's experiment.

    Args:
        family: which.
        full: on all training pictures.
        data: see `pictures`.
        part: training pictures when not full.
        epochs: of the published loop; the 5 of the text, and 80 on digits.
    """
    found = pictures(full=full, data=data, part=part)
    if epochs is None:
        epochs = ON_DIGITS if found.kind == "digits" else EPOCHS
    tensors = Tensors.of(found)
    published = as_published(family, tensors, epochs)
    path = path_of(family, found, full=full)
    sparse = torch_tables.sparse_choice(path)
    strength = float(path.strengths[sparse]) if family.sparse else path.best.strength
    mended = with_strength(family, strength, tensors, epochs)
    return Outcome(
        family.name,
        found.sentence,
        (
            torch_tables.printed(family, published.seen),
            Text("what the audit says of it", str(published.report)),
            torch_tables.path_table(path, found, sparse if family.sparse else None),
            Text(f"the published loop with strength {strength:g}: its ledger", mended.ledger),
            Text("what the audit says of that", str(mended.report)),
            torch_tables.summary(family, published, mended, path, strength),
        ),
        torch_tables.checks(family, found, published, mended, path, sparse),
        (
            torch_tables.accuracy_figure(family, published, mended, path, strength),
            torch_tables.path_figure(family, path),
        ),
        {"path": path},
    )


def as_published(family: Family, tensors: Tensors, epochs: int) -> Run:
    """Train as published, and audit the loop before it trains."""
    model = network(tensors.x.shape[1])
    optimizer = family.optimizer(model)
    batch = tensors.x[:BATCH], tensors.y[:BATCH]
    steps = len(tensors.y) // BATCH
    report = audit(
        model, optimizer, published_step(family.loss), batch, family.terms, steps_per_epoch=steps
    )
    seen = train(model, optimizer, tensors, epochs, penalty=family.loss)
    return Run(tensors.accuracy(model), exact_zeros(model), seen, report)


def with_strength(family: Family, strength: float, tensors: Tensors, epochs: int) -> Run:
    """Train the published loop with a strength through `regularize`, and audit it."""
    model = network(tensors.x.shape[1])
    optimizer = family.optimizer(model, decays=False)
    ledger = Ledger(every=PRINT_EVERY, steps_per_epoch=len(tensors.y) // BATCH)
    attachment = regularize(
        optimizer, model, strength * family.penalty, family.update, ledger=ledger
    )
    batch = tensors.x[:BATCH], tensors.y[:BATCH]
    report = audit(model, optimizer, published_step(None), batch)
    seen = train(model, optimizer, tensors, epochs, attachment=attachment)
    return Run(tensors.accuracy(model), exact_zeros(model), seen, report, ledger.table(last=12))


def path_of(family: Family, found: Pictures, *, full: bool) -> FittedPath:
    """Return the path of the family's strengths."""
    return fit_path(
        "mlp:64,32",
        found.images,
        found.y,
        penalty=family.penalty,
        update=family.update,
        strengths=family.strengths,
        test=found.test,
        folds=3 if full else 2,
        epochs=12 if full else PATH_ON_DIGITS if found.kind == "digits" else 6,
        refit="all",
        progress=False,
    )
