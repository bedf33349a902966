"""Keras' `l2(0.01)` is twice PyTorch's number, and `SGD(penalty=0.01)` does not exist.

`Dense(10, kernel_regularizer=l2(0.01))` adds 0.01·Σw² to the loss, whose gradient is 0.02·w: the
same weights as PyTorch's SGD with weight_decay=0.02. Keras refuses `penalty`; what it has is
`weight_decay`, which is decoupled, another thing under Adam. Runs on the torch backend of Keras
unless `KERAS_BACKEND` says another.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from shrinkage.audits import audit
from shrinkage.conventions import convert
from shrinkage.datasets import load_dataset
from shrinkage.drawing.figures import Axis, Kind, LineFigure, Series
from shrinkage.errors import InputError
from shrinkage.examples.outcome import Outcome, Table, Text, at_least, at_most, is_true
from shrinkage.penalties import L2

PUBLISHED, RATE, BATCH, EVERY = 0.01, 0.01, 100, 10


@dataclass(frozen=True, eq=False)
class Digits:
    """Training and test rows, and the weights that both libraries start from."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    start: np.ndarray

    @classmethod
    def loaded(cls) -> Digits:
        """Return scikit-learn's digits between 0 and 1."""
        found = load_dataset("digits")
        x, y = np.asarray(found.X, dtype=np.float32) / 16, found.y.astype(np.int64)
        start = np.random.default_rng(0).normal(0, 0.1, (64, 10)).astype(np.float32)
        return cls(x[:1400], y[:1400], x[1400:], y[1400:], start)

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a step."""
        first = step * BATCH % len(self.y)
        return self.x[first : first + BATCH], self.y[first : first + BATCH]


def keras_module() -> Any:
    """Return Keras, on the torch backend unless the environment or an earlier import says another.

    Raises:
        InputError: Keras is not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except (ImportError, ValueError) as error:  # the second is a backend that does not exist
        raise InputError(
            f"expected Keras 3 on {os.environ['KERAS_BACKEND']} for this experiment, got "
            f"{type(error).__name__}: pip install keras, or set KERAS_BACKEND=torch"
        ) from error
    return keras


def keras_model(digits: Digits, strength: float) -> Any:
    """Return the compiled model of the text, on the start weights."""
    keras = keras_module()
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(10, kernel_regularizer=keras.regularizers.L2(strength)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(learning_rate=RATE), loss=loss)
    model.set_weights([digits.start, np.zeros(10, np.float32)])
    return model


@dataclass(frozen=True, eq=False)
class Trained:
    """The kernel, (64, 10), after training, and √Σw² on the way."""

    weights: np.ndarray
    steps: np.ndarray
    norms: np.ndarray

    @classmethod
    def by(cls, step: Callable[[int], Any], weights: Callable[[], Any], steps: int) -> Trained:
        """Take the steps, and return what was seen."""
        seen = {0: float(np.linalg.norm(weights()))}
        for number in range(steps):
            step(number)
            if (number + 1) % EVERY == 0:
                seen[number + 1] = float(np.linalg.norm(weights()))
        return cls(np.array(weights()), np.array(list(seen)), np.array(list(seen.values())))


def trained_in_keras(digits: Digits, strength: float, steps: int) -> Trained:
    """Train in Keras."""
    model = keras_model(digits, strength)
    return Trained.by(
        lambda step: model.train_on_batch(*digits.batch(step)),
        lambda: model.get_weights()[0],
        steps,
    )


def trained_in_torch(digits: Digits, weight_decay: float, steps: int) -> Trained:
    """Train the same in PyTorch; biases are not decayed there either."""
    model = nn.Linear(64, 10)
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(digits.start.T))
        model.bias.zero_()
    groups = [
        {"params": [model.weight], "weight_decay": weight_decay},
        {"params": [model.bias], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(groups, lr=RATE)

    def step(number: int) -> None:
        x, y = map(torch.from_numpy, digits.batch(number))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return Trained.by(step, lambda: model.weight.detach().numpy().T, steps)


def refusal_of_penalty() -> str:
    """Return what Keras says to `SGD(penalty=0.01)`; empty if it takes it."""
    try:
        keras_module().optimizers.SGD(learning_rate=RATE, penalty=PUBLISHED)
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def audited_step(digits: Digits) -> Callable[[float], tuple]:
    """Return one step of Keras for the audit, with the published number times the scale."""

    def step(scale: float) -> tuple:
        model = keras_model(digits, scale * PUBLISHED)
        before, after = ({"kernel": digits.start}, {})
        model.train_on_batch(*digits.batch(0))
        after["kernel"] = np.array(model.get_weights()[0])
        return before, after

    return step


def run(*, full: bool = False, steps: int = 1000) -> Outcome:
    """Run the experiment with so many steps (10,000 when full)."""
    steps = 10_000 if full else steps
    digits = Digits.loaded()
    conversion = convert(PUBLISHED, "keras.l2", "torch.sgd.weight_decay")
    mine = trained_in_keras(digits, PUBLISHED, steps)
    decays = (float(conversion.value), PUBLISHED, 0.0)  # type: ignore[arg-type]
    converted, taken_over, plain = (trained_in_torch(digits, one, steps) for one in decays)
    same, other = (
        float(np.abs(mine.weights - theirs.weights).max()) for theirs in (converted, taken_over)
    )
    step = audited_step(digits)
    wrong = audit(step, PUBLISHED * L2(), RATE, "loss")
    right = audit(step, 2 * PUBLISHED * L2(), RATE, "loss")
    refusal = refusal_of_penalty()
    rows = (
        ("weight_decay = 0.02, converted", same, _accuracy(digits, converted)),
        (
            "weight_decay = 0.01, the number copied unchanged",
            other,
            _accuracy(digits, taken_over),
        ),
    )
    return Outcome(
        "keras-l2",
        f"scikit-learn's digits, {steps} steps of SGD, Keras on {keras_module().backend.backend()}",
        (
            Text("SGD(learning_rate=0.01, penalty=0.01)", refusal or "taken"),
            Text(
                "shrinkage convert 0.01 --from keras.l2 --to torch.sgd.weight_decay",
                str(conversion),
            ),
            Table(
                "PyTorch against Keras' Dense(10, kernel_regularizer=l2(0.01))",
                ("PyTorch", "largest difference of a weight", "test accuracy"),
                rows,
            ),
            Text("what the audit says of Keras' step, if 0.01 is taken for ½λΣw²", str(wrong)),
            Text("and if 0.02 is", str(right)),
        ),
        (
            is_true("Keras refuses the argument", bool(refusal)),
            at_most("difference at the converted strength", same, 1e-5),
            at_least("difference at the number copied unchanged", other, 1e-3),
            is_true("the audit finds the factor", "wrong-factor" in wrong.rules),
            is_true("the audit passes the converted strength", right.ok),
        ),
        (_figure(mine, converted, taken_over, plain),),
    )


def _accuracy(digits: Digits, trained: Trained) -> float:
    """Return the test accuracy of weights without a bias, which is the same for both."""
    return float(((digits.x_test @ trained.weights).argmax(1) == digits.y_test).mean())


def _figure(mine: Trained, converted: Trained, taken_over: Trained, plain: Trained) -> LineFigure:
    """Return the size of the weights by step, in Keras and in PyTorch."""
    reading = (
        f"After {mine.steps[-1]:,} steps √Σw² is {mine.norms[-1]:.3f} in Keras with l2(0.01), "
        f"{converted.norms[-1]:.3f} in PyTorch with weight_decay=0.02, and "
        f"{taken_over.norms[-1]:.3f} with the number copied unchanged, 0.01."
    )
    every_tenth = slice(None, None, 10)
    lines = (
        ("PyTorch, no decay", plain, "unregularized"),
        ("PyTorch, weight_decay=0.01", taken_over, "simple"),
        ("Keras, l2(0.01)", mine, "best"),
    )
    points = Series(
        "PyTorch, weight_decay=0.02",
        converted.steps[every_tenth],
        converted.norms[every_tenth],
        "ink",
        Kind.SPOT,
    )
    return LineFigure(
        key="keras-l2-size",
        title="Keras' l2(0.01) is PyTorch's weight_decay=0.02",
        reading=reading,
        alt=f"Four curves of the size of the weights by step. {reading}",
        x=Axis("step of SGD"),
        y=Axis("size of the weights, √Σw²"),
        series=(
            *(Series(label, one.steps, one.norms, colour) for label, one, colour in lines),
            points,
        ),
    )
