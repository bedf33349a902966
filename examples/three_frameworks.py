"""The same terms in NumPy, PyTorch and Keras, weight by weight.

The sizes of the PyTorch text, 784-64-32-10, from one start, on the same rows in the same order,
with SGD and momentum, and each text's penalty at a strength that works. NumPy and PyTorch train in
float64, Keras in float32, as most of its backends do; tanh, since rounding can switch a ReLU on.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import torch
from torch import nn

import shrinkage.keras
from common import Outcome, main
from shrinkage import L1, L2, ElasticNet, Term, scratch
from shrinkage.datasets import load_pictures
from shrinkage.pytorch import regularize
from shrinkage.reports import Axis, Series

SIZES, RATE, MOMENTUM, BATCH, SEED, LOOKS = (64, 32, 10), 0.05, 0.9, 100, 42, 20
FRAMEWORKS = ("NumPy", "PyTorch", "Keras")
# A text, its penalty at a strength that works, and how it enters training.
SETTINGS = (
    ("zero-strength", 0.0 * L1(), "proximal"),
    ("torch-l1", 3e-4 * L1(), "proximal"),
    ("torch-l2", 3e-4 * L2(), "gradient"),
    ("torch-adam-weight-decay", 1e-2 * L2(), "decoupled"),
    ("torch-elastic-net", 3e-4 * ElasticNet(0.176), "proximal"),
    ("numpy-weight-decay", 1e-3 * L2(), "gradient"),
    ("keras-l2", 2e-2 * L2(), "loss"),
)
# What a framework gives: a step on rows and labels, the weights of each layer, (outputs, inputs),
# without biases, and its outputs for rows.
Framework = tuple[Callable[..., Any], Callable[[], list[np.ndarray]], Callable[..., np.ndarray]]


def in_numpy(inputs: int, term: Term, update: str) -> Framework:
    """Return the network in NumPy, whose weights every framework starts from."""
    first, second, outputs = SIZES
    layers = [scratch.Affine(inputs, first), scratch.Tanh()]
    layers += [scratch.Affine(first, second), scratch.Tanh(), scratch.Affine(second, outputs)]
    network = scratch.Network(layers, seed=SEED)
    trainer = scratch.Trainer(network, scratch.Momentum(RATE, MOMENTUM), term, update)
    return trainer.step, lambda: [w for w in network.parameters.values() if w.ndim > 1], network


def in_torch(inputs: int, term: Term, update: str) -> Framework:
    """Return the network in PyTorch, in float64."""
    start = in_numpy(inputs, term, update)[1]()
    linear = [nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64) for w in start]
    model = nn.Sequential(linear[0], nn.Tanh(), linear[1], nn.Tanh(), linear[2])
    for layer, w in zip(linear, start, strict=True):
        layer.load_state_dict({"weight": torch.from_numpy(w), "bias": torch.zeros(len(w))})
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    attachment = regularize(optimizer, model, term, update)

    def step(x: np.ndarray, y: np.ndarray) -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
        (loss + attachment.loss()).backward()
        optimizer.step()

    weights = [layer.weight.detach().numpy() for layer in linear]  # the memory that trains
    return step, lambda: weights, lambda x: model(torch.from_numpy(x)).detach().numpy()


def in_keras(inputs: int, term: Term, update: str) -> Framework:
    """Return the network in Keras, in float32, on the backend of the process."""
    own = shrinkage.keras.regularizer(term) if update == "loss" else None
    layers = zip(SIZES, ("tanh", "tanh", None), strict=True)
    dense = [keras.layers.Dense(*layer, kernel_regularizer=own) for layer in layers]
    model: Any = keras.Sequential([keras.Input((inputs,)), *dense])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(RATE, momentum=MOMENTUM), loss=loss)
    for layer, w in zip(dense, in_numpy(inputs, term, update)[1](), strict=True):
        layer.set_weights([w.T, np.zeros(len(w))])
    if own is None:
        shrinkage.keras.regularize(model, term, update)
    outputs = partial(model.predict, batch_size=1000, verbose=0)
    return model.train_on_batch, lambda: [layer.get_weights()[0].T for layer in dense], outputs


def run(*, full: bool = False, data: str | None = None, steps: int = 200) -> Outcome:
    """Run the experiment with so many steps (1,000 when full)."""
    digits, steps = load_pictures(data, rows=None if full else 10_000), 1_000 if full else steps
    x, y, x_test, y_test = digits.scaled(np.float64)
    backend, every = keras.backend.backend(), max(1, steps // LOOKS)
    outcome = Outcome(f"{digits.sentence}; {steps} steps of SGD with momentum, Keras on {backend}")
    looks = [step for step in range(1, steps + 1) if step % every == 0 or step == steps]
    results, unlike, by_look = [], [], {}
    for text, term, update in SETTINGS:
        looked, accuracies = [], []
        for framework in (in_numpy, in_torch, in_keras):
            step, weights, outputs = framework(x.shape[1], term, update)
            generator, looked_at = np.random.default_rng(SEED), []
            for number in range(1, steps + 1):
                rows = generator.integers(0, len(y), BATCH)  # the same for all
                step(x[rows], y[rows])
                if number in looks:
                    looked_at.append(np.concatenate([w.ravel() for w in weights()]))
            looked.append(looked_at)
            accuracies.append(float((outputs(x_test).argmax(axis=1) == y_test).mean()))
        w = np.array(looked, dtype=np.float64)  # (frameworks, looks, weights)
        name, zero = f"{text}: {term.strength:g} * {term.penalty!r}", w[:, -1] == 0
        results.append((name, update, *accuracies, *zero.sum(axis=1).tolist()))
        by_look[name] = np.abs(w[1:] - w[0]).max(axis=2)
        for_torch, for_keras = (zero[1:] != zero[0]).sum(axis=1)  # zero in one of two only
        share, gap = for_keras / max(zero[0].sum(), 1), abs(accuracies[0] - accuracies[2])
        unlike.append((for_torch, share, gap))
    columns = (*FRAMEWORKS, *(f"zeros in {framework}" for framework in FRAMEWORKS))
    title = "test accuracy, and weights that are exactly zero, after training"
    outcome.table(title, ("text: term", "update", *columns), results)
    last = [(name, *differences[:, -1]) for name, differences in by_look.items()]
    names = ("text: term", "PyTorch, float64", "Keras, float32")
    outcome.table("largest difference of a weight from NumPy's", names, last)
    exact, single = np.max(list(by_look.values()), axis=0)  # the worst of the settings, by look
    only_in_one, shares, gaps = np.transpose(unlike)
    outcome.at_most("difference of a weight, PyTorch in float64", exact[-1], 1e-8)
    outcome.at_most("weights that are zero in one of NumPy and PyTorch only", only_in_one.sum(), 0)
    outcome.at_most("difference of a weight, Keras in float32", single[-1], 1e-4)
    outcome.at_most("difference of test accuracy, Keras in float32", gaps.max(), 1e-3)
    outcome.at_most("the same for Keras in float32, as a share of the zeros", shares.max(), 1e-2)
    in_double = Series("PyTorch, float64", np.array(looks), exact, "best")
    in_single = Series(f"Keras on {backend}, float32", np.array(looks), single, "simple")
    outcome.figure(
        "three-frameworks-difference",
        "The same terms in three frameworks: what differs is rounding",
        f"After {steps} steps no weight of {len(SETTINGS)} settings differs from NumPy's by more "
        f"than {exact[-1]:.0e} in PyTorch, and {single[-1]:.0e} in Keras, which trains in float32: "
        "what is left is rounding.",
        alt="Two curves of the largest difference of a weight by step.",
        x=Axis("step"),
        y=Axis("largest difference of a weight from NumPy's", log=True),
        series=(in_double, in_single),
    )
    return outcome


if __name__ == "__main__":
    main(run)
