"""The same penalties in NumPy, PyTorch and Keras: the same weights, the same zeros.

The sizes of the PyTorch text, 784-64-32-10, from one start, on the same rows in the same order,
with SGD and momentum, and each text's penalty at a strength that works. PyTorch runs in float64, as
NumPy does; Keras in float32, which is what it trains in on most backends. The activation is tanh:
at the kink of a ReLU the rounding of float32 decides, now and then, whether a unit is on, and from
there on two runs differ. Under Adam Keras places ε elsewhere; the tables of parity have that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from shrinkage import scratch
from shrinkage.drawing.figures import Axis, LineFigure, Series
from shrinkage.examples.keras_l2 import keras_module
from shrinkage.examples.outcome import Check, Outcome, Table, at_most
from shrinkage.examples.pictures import Pictures, pictures
from shrinkage.penalties import L1, L2, ElasticNet
from shrinkage.pytorch import regularize
from shrinkage.terms import Term

SIZES, RATE, MOMENTUM, BATCH, SEED = (64, 32, 10), 0.05, 0.9, 100, 42
LOOKS = 20
Weights = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Setting:
    """A penalty of a text, at a strength that works, and how it enters training."""

    text: str
    term: Term
    update: str

    def __str__(self) -> str:
        return f"{self.text}: {self.term.strength:g} * {self.term.penalty!r}"


SETTINGS = (
    Setting("zero-strength", 0.0 * L1(), "proximal"),
    Setting("torch-l1", 3e-4 * L1(), "proximal"),
    Setting("torch-l2", 3e-4 * L2(), "gradient"),
    Setting("torch-adam-weight-decay", 1e-2 * L2(), "decoupled"),
    Setting("torch-elastic-net", 3e-4 * ElasticNet(0.176), "proximal"),
    Setting("numpy-weight-decay", 1e-3 * L2(), "gradient"),
    Setting("keras-l2", 2e-2 * L2(), "loss"),
)


@dataclass(frozen=True, eq=False)
class Rows:
    """Pictures between 0 and 1 in float64, and the batches of every run."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    steps: int

    @classmethod
    def of(cls, found: Pictures, steps: int) -> Rows:
        """Return the rows of pictures."""
        x, x_test = (rows.astype(np.float64) for rows in found.scaled)
        return cls(x, found.y, x_test, found.y_test, steps)

    def batches(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Return the number of each step, its rows and its labels: the same for all frameworks."""
        generator = np.random.default_rng(SEED)
        for step in range(1, self.steps + 1):
            chosen = generator.integers(0, len(self.y), BATCH)
            yield step, self.x[chosen], self.y[chosen]


@dataclass(frozen=True, eq=False)
class Run:
    """A trained network: its weights, biases apart, on the way and at the end."""

    seen: Mapping[int, Weights]
    accuracy: float

    @property
    def weights(self) -> Weights:
        """The weight matrices at the end, (outputs, inputs)."""
        return self.seen[max(self.seen)]

    @property
    def zeros(self) -> int:
        """How many weights are exactly zero."""
        return sum(int((w == 0).sum()) for w in self.weights)

    def zeros_unlike(self, other: Run) -> int:
        """Return how many weights are zero in one of two runs only."""
        pairs = zip(self.weights, other.weights, strict=True)
        return sum(int(((mine == 0) != (theirs == 0)).sum()) for mine, theirs in pairs)

    def difference(self, other: Run) -> dict[int, float]:
        """Return the largest difference of a weight, by step."""
        return {
            step: max(
                float(np.abs(mine - theirs).max())
                for mine, theirs in zip(weights, other.seen[step], strict=True)
            )
            for step, weights in self.seen.items()
        }


def started(inputs: int) -> scratch.Network:
    """Return the network with the weights that every framework starts from."""
    first, second, outputs = SIZES
    return scratch.Network(
        [
            *(scratch.Affine(inputs, first), scratch.Tanh()),
            *(scratch.Affine(first, second), scratch.Tanh()),
            scratch.Affine(second, outputs),
        ],
        seed=SEED,
    )


def in_numpy(rows: Rows, setting: Setting) -> Run:
    """Train in NumPy."""
    network = started(rows.x.shape[1])
    trainer = scratch.Trainer(
        network,
        scratch.Momentum(RATE, MOMENTUM),
        setting.term,
        setting.update,
    )
    seen = _watched(rows, trainer.step, lambda: _matrices(network))
    return Run(seen, _accuracy(network(rows.x_test), rows))


def in_torch(rows: Rows, setting: Setting) -> Run:
    """Train in PyTorch, in float64."""
    start = _matrices(started(rows.x.shape[1]))
    linear = [nn.Linear(w.shape[1], w.shape[0], dtype=torch.float64) for w in start]
    model = nn.Sequential(linear[0], nn.Tanh(), linear[1], nn.Tanh(), linear[2])
    with torch.no_grad():
        for layer, w in zip(linear, start, strict=True):
            layer.weight.copy_(torch.from_numpy(w))
            layer.bias.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    attachment = regularize(optimizer, model, setting.term, setting.update)

    def step(x: np.ndarray, y: np.ndarray) -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
        if setting.update == "loss":
            loss = loss + attachment.loss()
        loss.backward()
        optimizer.step()

    seen = _watched(rows, step, lambda: [layer.weight.detach().numpy() for layer in linear])
    with torch.no_grad():
        return Run(seen, _accuracy(model(torch.from_numpy(rows.x_test)).numpy(), rows))


def in_keras(rows: Rows, setting: Setting) -> Run:
    """Train in Keras, in float32, on the backend of the process."""
    keras = keras_module()
    from shrinkage.keras import regularize as regularize_keras
    from shrinkage.keras import regularizer

    own = regularizer(setting.term) if setting.update == "loss" else None
    first, second, outputs = SIZES
    dense = [
        keras.layers.Dense(first, "tanh", kernel_regularizer=own),
        keras.layers.Dense(second, "tanh", kernel_regularizer=own),
        keras.layers.Dense(outputs, kernel_regularizer=own),
    ]
    model = keras.Sequential([keras.Input((rows.x.shape[1],)), *dense])
    model.compile(
        optimizer=keras.optimizers.SGD(RATE, momentum=MOMENTUM),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for layer, w in zip(dense, _matrices(started(rows.x.shape[1])), strict=True):
        layer.set_weights([w.T, np.zeros(len(w))])
    if own is None:
        regularize_keras(model, setting.term, setting.update)
    seen = _watched(
        rows, model.train_on_batch, lambda: [layer.get_weights()[0].T for layer in dense]
    )
    return Run(seen, _accuracy(model.predict(rows.x_test, batch_size=1000, verbose=0), rows))


def _matrices(network: scratch.Network) -> list[np.ndarray]:
    return [w for w in network.parameters.values() if w.ndim > 1]


def _watched(
    rows: Rows,
    step: Callable[[np.ndarray, np.ndarray], Any],
    weights: Callable[[], list[np.ndarray]],
) -> dict[int, Weights]:
    """Take every step, and return copies of the weights at twenty looks on the way."""
    seen, every = {}, max(1, rows.steps // LOOKS)
    for number, x, y in rows.batches():
        step(x, y)
        if number % every == 0 or number == rows.steps:
            seen[number] = tuple(np.array(w, dtype=np.float64) for w in weights())
    return seen


def _accuracy(outputs: np.ndarray, rows: Rows) -> float:
    return float((outputs.argmax(axis=1) == rows.y_test).mean())


def run(*, full: bool = False, data: str | None = None, steps: int = 200) -> Outcome:
    """Run the experiment with so many steps (1,000 when full)."""
    found = pictures(full=full, data=data)
    rows = Rows.of(found, 1_000 if full else steps)
    runs = {
        setting: (in_numpy(rows, setting), in_torch(rows, setting), in_keras(rows, setting))
        for setting in SETTINGS
    }
    backend = keras_module().backend.backend()
    return Outcome(
        "three-frameworks",
        f"{found.sentence}; {rows.steps} steps of SGD with momentum, Keras on {backend}",
        (_results_table(runs), _differences_table(runs)),
        _checks(runs),
        (_figure(runs, backend),),
    )


Runs = Mapping[Setting, tuple[Run, Run, Run]]


def _results_table(runs: Runs) -> Table:
    names = ("NumPy", "PyTorch", "Keras")
    columns = ("text: term", "update", *names, *(f"zeros in {name}" for name in names))
    table = tuple(
        (str(setting), setting.update, *(one.accuracy for one in three), *(o.zeros for o in three))
        for setting, three in runs.items()
    )
    return Table("test accuracy, and weights that are exactly zero, after training", columns, table)


def _differences_table(runs: Runs) -> Table:
    table = tuple(
        (str(setting), *(_last(three[0].difference(other)) for other in three[1:]))
        for setting, three in runs.items()
    )
    columns = ("text: term", "PyTorch, float64", "Keras, float32")
    return Table("largest difference of a weight from NumPy's", columns, table)


def _last(by_step: Mapping[int, float]) -> float:
    return by_step[max(by_step)]


def _checks(runs: Runs) -> tuple[Check, ...]:
    exact = [_last(mine.difference(torchs)) for mine, torchs, _ in runs.values()]
    single = [_last(mine.difference(keras)) for mine, _, keras in runs.values()]
    right = [abs(mine.accuracy - keras.accuracy) for mine, _, keras in runs.values()]
    unlike = [mine.zeros_unlike(torchs) for mine, torchs, _ in runs.values()]
    of_single = [mine.zeros_unlike(keras) / max(mine.zeros, 1) for mine, _, keras in runs.values()]
    return (
        at_most("difference of a weight, PyTorch in float64", max(exact), 1e-8),
        at_most("weights that are zero in one of NumPy and PyTorch only", sum(unlike), 0),
        at_most("difference of a weight, Keras in float32", max(single), 1e-4),
        at_most("difference of test accuracy, Keras in float32", max(right), 1e-3),
        at_most("the same for Keras in float32, as a share of the zeros", max(of_single), 1e-2),
    )


def _figure(runs: Runs, backend: str) -> LineFigure:
    def worst(place: int) -> tuple[np.ndarray, np.ndarray]:
        found = [three[0].difference(three[place]) for three in runs.values()]
        steps = np.array(list(found[0]))
        return steps, np.array([max(one[step] for one in found) for step in steps])

    lines = (
        ("PyTorch, float64", worst(1), "best"),
        (f"Keras on {backend}, float32", worst(2), "simple"),
    )
    reading = (
        f"After {lines[0][1][0][-1]} steps no weight of {len(runs)} settings differs from NumPy's "
        f"by more than {lines[0][1][1][-1]:.0e} in PyTorch, and {lines[1][1][1][-1]:.0e} in Keras, "
        "which trains in float32: what is left is rounding."
    )
    return LineFigure(
        key="three-frameworks-difference",
        title="The same terms in three frameworks: what differs is rounding",
        reading=reading,
        alt=f"Two curves of the largest difference of a weight by step. {reading}",
        x=Axis("step"),
        y=Axis("largest difference of a weight from NumPy's", log=True),
        series=tuple(Series(label, *points, colour) for label, points, colour in lines),
    )
