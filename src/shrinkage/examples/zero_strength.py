"""λ = 0 is the unregularized run, bit for bit: every update, in PyTorch and in NumPy.

Not obvious: soft-thresholding by 0 turns −0.0 into 0.0, a decay factor of 1 − 0 rounds, and a
penalty of 0 in the loss adds 0 to every gradient. A strength of 0 is therefore skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from shrinkage import scratch
from shrinkage.datasets import load_dataset
from shrinkage.drawing.figures import Axis, Kind, LineFigure, Series, Ticks
from shrinkage.drawing.text import strength_text
from shrinkage.examples.outcome import Outcome, Table, at_least, at_most
from shrinkage.penalties import L1, L2, ElasticNet, GroupLasso, Penalty
from shrinkage.pytorch import regularize

UPDATES = ("loss", "gradient", "decoupled", "proximal")
PENALTIES: tuple[Penalty, ...] = (L1(), L2(), ElasticNet(0.5), GroupLasso(per="input"))
OPTIMIZERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0),
}
STRENGTHS = (0.0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
BATCH = 50


def torch_weights(
    kind: str, penalty: Penalty | None, update: str, strength: float, steps: int
) -> list[np.ndarray]:
    """Return all weights after training digits in PyTorch."""
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
    return [p.detach().numpy() for p in model.parameters()]


def scratch_weights(
    penalty: Penalty | None, update: str, strength: float, epochs: int
) -> list[np.ndarray]:
    """Return all weights after training digits in NumPy."""
    x, y = _digits()
    network = scratch.Network(
        [scratch.Affine(64, 32), scratch.ReLU(), scratch.Affine(32, 10)], seed=0
    )
    network.parameters["0.weight"][0, :8] = -0.0
    terms = () if penalty is None else (strength * penalty,)
    optimizer = scratch.SGD(0.1)
    scratch.fit(network, x, y, optimizer=optimizer, terms=terms, update=update, epochs=epochs)
    return list(network.parameters.values())


def bits(weights: list[np.ndarray]) -> bytes:
    """Return the bytes of weights, in which −0.0 is not 0.0."""
    return b"".join(w.tobytes() for w in weights)


def distances(steps: int) -> np.ndarray:
    """Return how far the weights of `STRENGTHS` of L1 end from those without it, at most."""
    plain = torch_weights("SGD", None, "", 0.0, steps)
    runs = [torch_weights("SGD", L1(), "proximal", strength, steps) for strength in STRENGTHS]
    return np.array(
        [
            max(float(np.abs(mine - other).max()) for mine, other in zip(run, plain, strict=True))
            for run in runs
        ]
    )


def _digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_dataset("digits")
    return np.asarray(found.X) / 16.0, found.y.astype(np.int64)


def run(*, full: bool = False, steps: int = 60) -> Outcome:
    """Run the experiment with so many steps (1,000 when full)."""
    steps = 1000 if full else steps
    same = {
        f"PyTorch, {kind}": _equal_runs(partial(torch_weights, kind), steps) for kind in OPTIMIZERS
    }
    same["NumPy, SGD"] = _equal_runs(scratch_weights, 2)
    most = len(PENALTIES)
    rows = tuple(
        (where, *(f"{counts[update]} of {most}" for update in UPDATES))
        for where, counts in same.items()
    )
    found = distances(steps)
    names = ", ".join(repr(penalty) for penalty in PENALTIES)
    return Outcome(
        "zero-strength",
        f"scikit-learn's digits, {steps} steps; {names}",
        (
            Table(
                "runs with strength 0 that equal the run without a term, bit for bit",
                ("where", *UPDATES),
                rows,
            ),
            Table(
                "largest difference of a weight from the run without a term: L1, SGD",
                ("strength", "difference"),
                tuple(zip(map(strength_text, STRENGTHS), map(float, found), strict=True)),
            ),
        ),
        (
            at_least(
                "equal runs",
                sum(sum(counts.values()) for counts in same.values()),
                len(same) * len(UPDATES) * most,
            ),
            at_most("difference at strength 0", float(found[0]), 0.0),
            at_least("difference at strength 0.001", float(found[-1]), 1e-6),
        ),
        (_figure(found, steps),),
    )


def _equal_runs(weights: Callable[..., list[np.ndarray]], length: int) -> dict[str, int]:
    """Return by update how many penalties of strength 0 leave every bit as it is without them."""
    plain = bits(weights(None, "proximal", 0.0, length))
    return {
        update: sum(bits(weights(p, update, 0.0, length)) == plain for p in PENALTIES)
        for update in UPDATES
    }


def _figure(found: np.ndarray, steps: int) -> LineFigure:
    """Return the difference by strength; strength 0 stands at the edge of a logarithmic axis."""
    x, edge = np.array(STRENGTHS[1:]), STRENGTHS[1] / 10
    floor = float(found[1:].min()) / 10
    reading = (
        f"The weaker L1 is, the nearer its weights are to those without it, down to "
        f"{found[1]:.0e} at strength {strength_text(STRENGTHS[1])}, which is the rounding of "
        "float32. At strength 0 the difference is 0: not small, but none."
    )
    return LineFigure(
        key="zero-strength-difference",
        title="Towards strength 0, and at it",
        reading=reading,
        alt=f"A rising curve of the difference by strength, and a point at 0. {reading}",
        x=Axis(
            "strength of L1",
            log=True,
            ticks=Ticks((edge, *x), ("0", *map(strength_text, x))),
        ),
        y=Axis(f"largest difference of a weight, {steps} steps", log=True),
        series=(
            Series("strength above 0", x, found[1:], "best"),
            Series(
                "strength 0: no bit differs",
                np.array([edge]),
                np.array([floor]),
                "simple",
                Kind.BELOW,
            ),
        ),
    )
