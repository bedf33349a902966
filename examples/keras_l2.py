"""Keras' l2(0.01) is twice PyTorch's; SGD(penalty=…) does not exist.

`Dense(10, kernel_regularizer=l2(0.01))` adds 0.01·Σw² to the loss, whose gradient is 0.02·w: the
same weights as PyTorch's SGD with weight_decay=0.02. Keras refuses `penalty`; what it has is
`weight_decay`, which is decoupled, another thing under Adam. Runs on the torch backend of Keras
unless `KERAS_BACKEND` says another.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch
from torch import nn

from common import Outcome, main
from shrinkage import L2, audit, convert
from shrinkage.datasets import load_dataset
from shrinkage.reports import Axis, Kind, Series

PUBLISHED, RATE, BATCH, EVERY = 0.01, 0.01, 100, 10
TABLE = load_dataset("digits")
X, Y = np.asarray(TABLE.X, dtype=np.float32) / 16, TABLE.y.astype(np.int64)
START = np.random.default_rng(0).normal(0, 0.1, (64, 10)).astype(np.float32)


def batch_of(step: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a step; the first 1,400 are to train on."""
    rows = slice(step * BATCH % 1400, step * BATCH % 1400 + BATCH)
    return X[rows], Y[rows]


def keras_model(strength: float) -> keras.Model:
    """Return the compiled model of the text, on the start weights."""
    dense = keras.layers.Dense(10, kernel_regularizer=keras.regularizers.L2(strength))
    model = keras.Sequential([keras.Input((64,)), dense])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=RATE), loss=loss)
    model.set_weights([START, np.zeros(10, np.float32)])
    return model


def trained_in_keras(strength: float, steps: int) -> list[np.ndarray]:
    """Return the kernel, (64, 10), every ten steps."""
    model = keras_model(strength)
    kernels = [START]
    for step in range(steps):
        model.train_on_batch(*batch_of(step))
        if (step + 1) % EVERY == 0:
            kernels.append(np.array(model.get_weights()[0]))
    return kernels


def trained_in_torch(weight_decay: float, steps: int) -> list[np.ndarray]:
    """Return the same of PyTorch; biases are not decayed there either."""
    model = nn.Linear(64, 10)
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(START.T))
        model.bias.zero_()
    decayed = {"params": [model.weight], "weight_decay": weight_decay}
    optimizer = torch.optim.SGD([decayed, {"params": [model.bias]}], lr=RATE)
    kernels = [START]
    for step in range(steps):
        x, y = map(torch.from_numpy, batch_of(step))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        if (step + 1) % EVERY == 0:
            kernels.append(model.weight.detach().numpy().T.copy())
    return kernels


def keras_step(scale: float) -> tuple[dict, dict]:
    """Take one step of Keras for the audit, with the published number times the scale."""
    model = keras_model(scale * PUBLISHED)
    model.train_on_batch(*batch_of(0))
    return {"kernel": START}, {"kernel": np.array(model.get_weights()[0])}


def run(*, full: bool = False, steps: int = 1000) -> Outcome:
    """Run the experiment with so many steps (10,000 when full)."""
    steps = 10_000 if full else steps
    backend = keras.backend.backend()
    outcome = Outcome(f"scikit-learn's digits, {steps} steps of SGD, Keras on {backend}")

    # The argument that does not exist.
    refusal = ""
    try:
        keras.optimizers.SGD(learning_rate=RATE, penalty=PUBLISHED)
    except (TypeError, ValueError) as error:
        refusal = f"{type(error).__name__}: {error}"
    outcome.text("SGD(learning_rate=0.01, penalty=0.01)", refusal or "taken")
    outcome.is_true("Keras refuses the argument", bool(refusal))

    # The one that does: what its number is in PyTorch, and the weights that both train.
    conversion = convert(PUBLISHED, "keras.l2", "torch.sgd.weight_decay")
    command = "shrinkage convert 0.01 --from keras.l2 --to torch.sgd.weight_decay"
    outcome.text(command, conversion)
    in_keras = trained_in_keras(PUBLISHED, steps)
    converted = trained_in_torch(np.asarray(conversion.value).item(), steps)
    copied, plain = trained_in_torch(PUBLISHED, steps), trained_in_torch(0.0, steps)
    rows = []
    for label, kernels in (("0.02, converted", converted), ("0.01, copied unchanged", copied)):
        accuracy = float(((X[1400:] @ kernels[-1]).argmax(1) == Y[1400:]).mean())  # without bias
        difference = float(np.abs(in_keras[-1] - kernels[-1]).max())
        rows.append((f"weight_decay = {label}", difference, accuracy))
    columns = ("PyTorch", "largest difference of a weight", "test accuracy")
    outcome.table("PyTorch against Keras' Dense(10, kernel_regularizer=l2(0.01))", columns, rows)
    outcome.at_most("difference at the converted strength", rows[0][1], 1e-5)
    outcome.at_least("difference at the number copied unchanged", rows[1][1], 1e-3)

    # The audit needs arrays before and after a step, of whatever framework.
    wrong = audit(keras_step, PUBLISHED * L2(), RATE, "loss")
    right = audit(keras_step, 2 * PUBLISHED * L2(), RATE, "loss")
    outcome.text("what the audit says of Keras' step, if 0.01 is taken for ½λΣw²", wrong)
    outcome.text("and if 0.02 is", right)
    outcome.is_true("the audit finds the factor", "wrong-factor" in wrong.rules)
    outcome.is_true("the audit passes the converted strength", right.ok)

    def size(label: str, kernels: list[np.ndarray], colour: str, apart: int = 1) -> Series:
        norms = np.array([float(np.linalg.norm(kernel)) for kernel in kernels[::apart]])
        kind = Kind.LINE if apart == 1 else Kind.SPOT
        return Series(label, EVERY * apart * np.arange(len(norms)), norms, colour, kind)

    last = [float(np.linalg.norm(kernels[-1])) for kernels in (in_keras, converted, copied)]
    outcome.figure(
        "keras-l2-size",
        "Keras' l2(0.01) is PyTorch's weight_decay=0.02",
        f"After {steps:,} steps √Σw² is {last[0]:.3f} in Keras with l2(0.01), {last[1]:.3f} in "
        f"PyTorch with weight_decay=0.02, and {last[2]:.3f} with the number copied unchanged.",
        alt="Four curves of the size of the weights by step.",
        x=Axis("step of SGD"),
        y=Axis("size of the weights, √Σw²"),
        series=(
            size("PyTorch, no decay", plain, "unregularized"),
            size("PyTorch, weight_decay=0.01", copied, "simple"),
            size("Keras, l2(0.01)", in_keras, "best"),
            size("PyTorch, weight_decay=0.02", converted, "ink", apart=10),
        ),
    )
    return outcome


if __name__ == "__main__":
    main(run, about="scikit-learn's digits")
