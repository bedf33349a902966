"""0.3·Σ|w| + 0.7·Σw² collapses; the same ratio, with a strength from a path, does not.

The published setting: a network 784-64-32-10 with ReLU, cross entropy, MNIST, Adam with learning
rate 1e-4, batches of 10, 5 epochs, seed 42, and 0.3·Σ|w| + 0.7·Σw² over all parameters, biases too,
in the loss. 0.7·Σw² is 1.4 half squares, so this is 1.7 times an elastic net of ratio 0.3/1.7.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from common import Outcome, main
from shrinkage import L1, L2, ElasticNet, everything, fit_path
from shrinkage.datasets import load_pictures
from shrinkage.pytorch import Ledger, audit, regularize, zero_fraction

SEED, RATE, BATCH, PRINT_EVERY = 42, 1e-4, 10, 500
STRENGTHS = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3)
RATIO = 0.176
CHANCE = 0.2  # well above the 10 % of a network that answers one class, far below one that learns
# The bar of the best model's accuracy.
ACCURACY = {"mnist": 0.975, "part": 0.93, "digits": 0.95}


def start(inputs: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return the published network, with the weights of its seed, and its optimizer."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        first, second, last = nn.Linear(inputs, 64), nn.Linear(64, 32), nn.Linear(32, 10)
    model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)
    return model, torch.optim.Adam(model.parameters(), lr=RATE)


def published_penalty(model: nn.Module) -> torch.Tensor:
    """Return 0.3·Σ|w| + 0.7·Σw² over all parameters."""
    sums = [0.3 * w.abs().sum() + 0.7 * w.pow(2).sum() for w in model.parameters()]
    return torch.stack(sums).sum()


def step(model, optimizer, batch, scale=1.0, *, penalty=None, attachment=None) -> float:
    """Take a step of the published loop, return its data loss; `scale` is for the audit."""
    optimizer.zero_grad()
    data_loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    loss = data_loss if penalty is None else data_loss + scale * penalty(model)
    loss.backward()
    if attachment is not None:
        attachment.note_loss(data_loss)  # for the ledger
    optimizer.step()
    return data_loss.item()


def train(model, optimizer, tensors, epochs, *, penalty=None, attachment=None) -> list[tuple]:
    """Train as published; return what is printed: batch, loss, of which penalty, test accuracy."""
    x, y, *test = tensors
    printed, number, threads = [], 0, torch.get_num_threads()
    torch.set_num_threads(1)  # for batches of 10 rows a second one only waits for the first
    for epoch in range(epochs):
        order = torch.from_numpy(np.random.default_rng((SEED, epoch)).permutation(len(y)))
        for rows in order[: len(y) - len(y) % BATCH].split(BATCH):
            batch, number = (x[rows], y[rows]), number + 1
            loss = step(model, optimizer, batch, penalty=penalty, attachment=attachment)
            if number % PRINT_EVERY == 0:
                value = 0.0 if penalty is None else penalty(model).item()
                printed.append((number, loss + value, value, accuracy(model, *test)))
    torch.set_num_threads(threads)
    return printed


def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of pictures that a model gets right."""
    with torch.no_grad():
        return float((model(x).argmax(1) == y).float().mean())


def run(*, full: bool = False, data: str | None = None, epochs: int | None = None) -> Outcome:
    """Run the experiment, on all training pictures when full; `epochs` are the loop's."""
    digits = load_pictures(data, rows=None if full else 10_000)
    few = digits.kind == "digits"
    epochs, outcome = epochs or (80 if few else 5), Outcome(digits.sentence)
    x, y, *test = tensors = [torch.from_numpy(part) for part in digits.scaled()]
    batch, batches = (x[:BATCH], y[:BATCH]), len(y) // BATCH

    # As published, and what three steps of the audit would have said before.
    model, optimizer = start(x.shape[1])
    published_step = partial(step, penalty=published_penalty)
    terms = (0.3 * L1()).on(everything()) + (1.4 * L2()).on(everything())
    report = audit(model, optimizer, published_step, batch, terms, steps_per_epoch=batches)
    published = train(model, optimizer, tensors, epochs, penalty=published_penalty)
    collapsed, zeros_then = accuracy(model, *test), zero_fraction(model)
    columns = ("batch", "loss", "of which penalty", "test accuracy")
    outcome.table("as published: loss + 0.3·Σ|w| + 0.7·Σw²", columns, published, most=6)
    outcome.text("what the audit says of it", report)

    # A path of strengths, with the library's recipe: Adam with warm-up and cosine, batches of 128.
    path = fit_path(
        *("mlp:64,32", digits.X, digits.y),
        penalty=ElasticNet(RATIO),
        strengths=STRENGTHS,
        test=digits.test,
        folds=3 if full else 2,
        epochs=12 if full else 40 if few else 6,
        refit="all",
        progress=False,
    )
    best, plain, strength = path.best, path.unregularized, path.best.strength
    outcome.path_table("the path of ElasticNet(0.176), proximal", path, digits)

    # The published loop again, with that strength: one line more, and the ledger that it keeps.
    model, optimizer = start(x.shape[1])
    ledger = Ledger(every=PRINT_EVERY, steps_per_epoch=batches)
    attachment = regularize(optimizer, model, strength * ElasticNet(RATIO), ledger=ledger)
    passed = audit(model, optimizer, step, batch)
    mended = train(model, optimizer, tensors, epochs, attachment=attachment)
    reached, zeros = accuracy(model, *test), zero_fraction(model)
    outcome.text(f"that loop with strength {strength:g}: its ledger", ledger.table(last=12))
    outcome.text("what the audit says of that", passed)
    rows = (
        ("as published: loss + 0.3·Σ|w| + 0.7·Σw²", "1", collapsed, zeros_then),
        ("published loop, chosen strength", f"{strength:g}", reached, zeros),
        ("path's recipe, best", f"{best.strength:g}", best.test_score, best.zero_fraction),
        ("path's recipe, no penalty", "0", plain.test_score, plain.zero_fraction),
    )
    outcome.table("side by side", ("setting", "strength", "test accuracy", "exact zeros"), rows)

    bar = ACCURACY[digits.kind]
    outcome.at_most("test accuracy as published", collapsed, CHANCE)
    outcome.is_true("the audit predicts the collapse", "collapse" in report.rules)
    outcome.is_true("the audit passes the chosen strength", passed.ok)
    outcome.at_least("test accuracy of the best", best.test_score, bar)
    outcome.at_least("test accuracy of the published loop with that strength", reached, bar - 0.05)
    loops = (published, collapsed), (mended, reached)
    outcome.two_loops(
        "torch-elastic-net-accuracy", "loss + 0.3·Σ|w| + 0.7·Σw²", loops, strength, path
    )
    outcome.path("path", path, "torch-elastic-net-path", "The path of ElasticNet(0.176), proximal")
    return outcome


if __name__ == "__main__":
    main(run)
