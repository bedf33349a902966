"""λ = 0 is the unregularized run, bit for bit: every update, in PyTorch and in NumPy.

Not obvious: soft-thresholding by 0 turns −0.0 into 0.0, a decay factor of 1 − 0 rounds, and a
penalty of 0 in the loss adds 0 to every gradient. A strength of 0 is therefore skipped.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from shrinkage import scratch
from shrinkage.datasets import load_dataset
from shrinkage.examples.outcome import Outcome, Table, at_least, is_true
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso, Penalty
from shrinkage.pytorch import regularize

UPDATES = ("loss", "gradient", "decoupled", "proximal")
PENALTIES: tuple[Penalty, ...] = (L1(), L2(), ElasticNet(0.5), GroupLasso(per="input"))
OPTIMIZERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0),
}
BATCH = 50


def torch_bits(
    kind: str, penalty: Penalty | None, update: str, strength: float, steps: int
) -> bytes:
    """Return the bytes of all weights after training digits in PyTorch."""
    x, y = _digits()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = nn.Linear(64, 32)
        model = nn.Sequential(first, nn.ReLU(), nn.Linear(32, 10))
    with torch.no_grad():
        first.weight[0, :8] = -0.0  # what a careless shrink by 0 would change
    optimizer = OPTIMIZERS[kind](model.parameters())
    attachment = (
        None if penalty is None else regularize(optimizer, model, strength * penalty, update)
    )
    images, labels = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y)
    for step in range(steps):
        rows = slice(step * BATCH % 1700, step * BATCH % 1700 + BATCH)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
        if attachment is not None and update == "loss":
            loss = loss + attachment.loss()
        loss.backward()
        optimizer.step()
    return b"".join(p.detach().numpy().tobytes() for p in model.parameters())


def scratch_bits(penalty: Penalty | None, update: str, strength: float, epochs: int) -> bytes:
    """Return the bytes of all weights after training digits in NumPy."""
    x, y = _digits()
    network = scratch.Network(
        [scratch.Affine(64, 32), scratch.ReLU(), scratch.Affine(32, 10)], seed=0
    )
    network.parameters["0.weight"][0, :8] = -0.0
    terms = () if penalty is None else (strength * penalty,)
    optimizer = scratch.SGD(0.1)
    scratch.fit(network, x, y, optimizer=optimizer, terms=terms, update=update, epochs=epochs)
    return b"".join(w.tobytes() for w in network.parameters.values())


def _digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_dataset("digits")
    return np.asarray(found.X) / 16.0, found.y.astype(np.int64)


def run(*, full: bool = False, data: str | None = None, steps: int = 60) -> Outcome:
    """Run the experiment with so many steps (1,000 when full); always on digits."""
    del data
    steps = 1000 if full else steps
    rows, different = [], 0
    for kind in OPTIMIZERS:
        plain = torch_bits(kind, None, "", 0.0, steps)
        same = {
            update: sum(torch_bits(kind, p, update, 0.0, steps) == plain for p in PENALTIES)
            for update in UPDATES
        }
        rows.append(
            (f"PyTorch, {kind}", *(f"{same[update]} of {len(PENALTIES)}" for update in UPDATES))
        )
        different += sum(len(PENALTIES) - count for count in same.values())
    plain = scratch_bits(None, "proximal", 0.0, 2)
    same = {
        update: sum(scratch_bits(p, update, 0.0, 2) == plain for p in PENALTIES)
        for update in UPDATES
    }
    rows.append(("NumPy, SGD", *_counts(same)))
    different += sum(len(PENALTIES) - count for count in same.values())
    penalised = torch_bits("SGD", L1(), "proximal", 1e-3, steps)
    unlike = penalised != torch_bits("SGD", None, "", 0.0, steps)
    cases = (len(OPTIMIZERS) + 1) * len(UPDATES) * len(PENALTIES)
    names = ", ".join(repr(penalty) for penalty in PENALTIES)
    return Outcome(
        "zero-strength",
        f"scikit-learn's digits, {steps} steps; {names}",
        (
            Table(
                "runs with strength 0 that equal the run without a term, bit for bit",
                ("where", *UPDATES),
                tuple(rows),
            ),
        ),
        (
            at_least("equal runs", cases - different, cases),
            is_true("a strength of 0.001 is another run", unlike),
        ),
    )


def _counts(same: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"{same[update]} of {len(PENALTIES)}" for update in UPDATES)
