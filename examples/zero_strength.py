"""λ = 0 is the unregularized run, bit for bit: every update, in PyTorch and in NumPy.

Not obvious: soft-thresholding by 0 turns −0.0 into 0.0, a decay factor of 1 − 0 rounds, and a
penalty of 0 in the loss adds 0 to every gradient. A strength of 0 is therefore skipped.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from common import Outcome, main
from shrinkage import L1, L2, ElasticNet, GroupLasso, Penalty, scratch
from shrinkage.datasets import load_dataset
from shrinkage.pytorch import regularize
from shrinkage.reports import Axis, Kind, Series, Ticks

UPDATES = ("loss", "gradient", "decoupled", "proximal")
PENALTIES: tuple[Penalty, ...] = (L1(), L2(), ElasticNet(0.5), GroupLasso(per="input"))
OPTIMIZERS = {
    "SGD": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "Adam": partial(torch.optim.Adam, lr=1e-3),
    "AdamW": partial(torch.optim.AdamW, lr=1e-3, weight_decay=0.0),
}
STRENGTHS = (0.0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
BATCH = 50
DIGITS = load_dataset("digits")
X, Y = np.asarray(DIGITS.X) / 16.0, DIGITS.y.astype(np.int64)


def torch_weights(
    kind: str, steps: int, penalty: Penalty | None = None, update: str = "", strength: float = 0.0
) -> list[np.ndarray]:
    """Return all weights after training digits in PyTorch."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = nn.Linear(64, 32)
        model = nn.Sequential(first, nn.ReLU(), nn.Linear(32, 10))
    with torch.no_grad():
        first.weight[0, :8] = -0.0  # what a careless shrink by 0 would change
    optimizer = OPTIMIZERS[kind](model.parameters())
    attachment = regularize(optimizer, model, strength * penalty, update) if penalty else None
    pictures, labels = torch.from_numpy(X.astype(np.float32)), torch.from_numpy(Y)
    for step in range(steps):
        rows = slice(step * BATCH % 1700, step * BATCH % 1700 + BATCH)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(pictures[rows]), labels[rows])
        if attachment and update == "loss":
            loss = loss + attachment.loss()
        loss.backward()
        optimizer.step()
    return [p.detach().numpy() for p in model.parameters()]


def scratch_weights(
    epochs: int, penalty: Penalty | None = None, update: str = "proximal", strength: float = 0.0
) -> list[np.ndarray]:
    """Return all weights after training digits in NumPy."""
    layers = [scratch.Affine(64, 32), scratch.ReLU(), scratch.Affine(32, 10)]
    network = scratch.Network(layers, seed=0)
    network.parameters["0.weight"][0, :8] = -0.0
    terms = strength * penalty if penalty else ()
    optimizer = scratch.SGD(0.1)
    scratch.fit(network, X, Y, optimizer=optimizer, terms=terms, update=update, epochs=epochs)
    return list(network.parameters.values())


def bits(weights: list[np.ndarray]) -> bytes:
    """Return the bytes of weights, in which −0.0 is not 0.0."""
    return b"".join(w.tobytes() for w in weights)


def run(*, full: bool = False, steps: int = 60) -> Outcome:
    """Run the experiment with so many steps (1,000 when full)."""
    steps = 1000 if full else steps
    names = ", ".join(map(repr, PENALTIES))
    outcome = Outcome(f"scikit-learn's digits, {steps} steps; {names}")

    trained = {f"PyTorch, {kind}": partial(torch_weights, kind, steps) for kind in OPTIMIZERS}
    trained["NumPy, SGD"] = partial(scratch_weights, 2)
    rows, equal = [], 0
    for where, weights in trained.items():
        plain = bits(weights())
        counts = [sum(bits(weights(p, update)) == plain for p in PENALTIES) for update in UPDATES]
        rows.append((where, *(f"{count} of {len(PENALTIES)}" for count in counts)))
        equal += sum(counts)
    title = "runs with strength 0 that equal the run without a term, bit for bit"
    outcome.table(title, ("where", *UPDATES), rows)
    outcome.at_least("equal runs", equal, len(trained) * len(UPDATES) * len(PENALTIES))

    # That the comparison can tell: the weights of strengths above 0.
    plain = torch_weights("SGD", steps)
    distances = []
    for strength in STRENGTHS:
        weights = torch_weights("SGD", steps, L1(), "proximal", strength)
        pairs = zip(weights, plain, strict=True)
        distances.append(max(float(np.abs(mine - other).max()) for mine, other in pairs))
    title = "largest difference of a weight from the run without a term: L1, SGD"
    labels = [f"{strength:g}" for strength in STRENGTHS]
    outcome.table(title, ("strength", "difference"), zip(labels, distances, strict=True))
    outcome.at_most("difference at strength 0", distances[0], 0.0)
    outcome.at_least("difference at strength 0.001", distances[-1], 1e-6)

    x, y, edge = np.array(STRENGTHS[1:]), np.array(distances[1:]), STRENGTHS[1] / 10
    zero = Series("strength 0: no bit differs", np.array([edge]), y[:1] / 10, "simple", Kind.BELOW)
    outcome.figure(
        "zero-strength-difference",
        "Towards strength 0, and at it",
        f"The weaker L1 is, the nearer its weights are to those without it, down to {y[0]:.0e} at "
        f"strength {labels[1]}, which is the rounding of float32. At strength 0 the difference is "
        "0: not small, but none.",
        alt="A rising curve of the difference by strength, and a point at 0.",
        x=Axis("strength of L1", log=True, ticks=Ticks((edge, *STRENGTHS[1:]), tuple(labels))),
        y=Axis(f"largest difference of a weight, {steps} steps", log=True),
        series=(Series("strength above 0", x, y, "best"), zero),
    )
    return outcome


if __name__ == "__main__":
    main(run, about="scikit-learn's digits")
