"""A network of three layers that is trained on its weights that are not zero, alone.

Who uses this: `benchmarks/lenet.py`. With one weight in ninety left, dense products would do ninety
times the work; here a step of 128 rows takes a third of a millisecond. The steps are in
`lenet_steps.c`, which is built once with the system's C compiler.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

ROWS = 128
"""Rows of a step."""
STATES = ("w", "mean", "square", "average")


class _Layer(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("outputs", "inputs", "side")),
        *((name, ctypes.c_void_p) for name in ("first", "input")),
        *((f"w_{name}", ctypes.c_void_p) for name in STATES),
        *((f"b_{name}", ctypes.c_void_p) for name in STATES),
    ]


class _Recipe(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_float)
        for name in (
            *("hard", "temperature", "smoothing", "keep_input"),
            *("beta1", "beta2", "epsilon", "decay", "averaging"),
        )
    ]


@dataclass(frozen=True)
class Steps:
    """What a step is: Adam on cross entropy and soft targets.

    Args:
        hard: share of the labels in the loss; the others are soft targets at `temperature`.
        temperature: of the soft targets.
        smoothing: of the labels.
        keep_input: share of the pixels that are not left out of a step.
        decay: decoupled weight decay.
        averaging: how much of the average of the weights stays at a step.
    """

    hard: float = 1.0
    temperature: float = 2.0
    smoothing: float = 0.0
    keep_input: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.0
    averaging: float = 0.9995


@dataclass(frozen=True, eq=False)
class Digits:
    """Pictures (rows, 784) as bytes, their classes, and soft targets (rows, 10)."""

    pixels: np.ndarray
    labels: np.ndarray
    soft: np.ndarray


@dataclass(eq=False)
class SparseNetwork:
    """Weights with zeros, (outputs, inputs) each, biases, and Adam's state of them.

    `weights` and `biases` are what is trained, `averages` what is judged. `sides` are those of the
    maps that a convolution of 5 × 5 reads, whose inputs are channel × 25 + place; 0 of others. A
    step has `rows` rows.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    sides: tuple[int, ...] = (0, 0, 0)
    rows: int = ROWS
    taken: int = 0
    means: list[np.ndarray] = field(default_factory=list)
    squares: list[np.ndarray] = field(default_factory=list)
    averages: list[np.ndarray] = field(default_factory=list)
    bias_states: list[list[np.ndarray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.weights = [np.array(own, np.float32) for own in self.weights]
        self.biases = [np.array(own, np.float32) for own in self.biases]
        self.means = [np.zeros_like(own) for own in self.weights]
        self.squares = [np.zeros_like(own) for own in self.weights]
        self.averages = [own.copy() for own in self.weights]
        self.bias_states = [
            [np.zeros_like(own), np.zeros_like(own), own.copy()] for own in self.biases
        ]

    @property
    def count(self) -> int:
        """Return how many weights are not zero."""
        return sum(int(np.count_nonzero(own)) for own in self.weights)

    def keep(self, places: Sequence[np.ndarray]) -> None:
        """Set the weights outside `places`, (outputs, inputs) of truths each, to zero."""
        for own, place in zip(self.weights, places, strict=True):
            own *= place

    def start_averages(self) -> None:
        """Begin the averages anew, at the weights as they are."""
        self.averages = [own.copy() for own in self.weights]
        for state, own in zip(self.bias_states, self.biases, strict=True):
            state[2] = own.copy()

    def judged(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the averaged weights and biases of each layer, zeros where the weights are."""
        pairs = zip(self.averages, self.weights, self.bias_states, strict=True)
        return [(mean * (own != 0), state[2]) for mean, own, state in pairs]

    def train(
        self, digits: Digits, rows: np.ndarray, rates: np.ndarray, steps: Steps, seed: int
    ) -> float:
        """Take `len(rates)` steps, each of its `rows`, and return the mean cross entropy."""
        maps, inputs = self.sides[0] > 0, self.weights[0].shape[1]
        used, place = np.arange(digits.pixels.shape[1]), np.arange(inputs, dtype=np.int32)
        if not maps:  # pixels that nobody reads are not fetched
            used = np.flatnonzero(self.weights[0].any(axis=0))
            place[used] = np.arange(len(used))
        count = len(self.weights)
        packed = [self._packed(i, place, len(used)) for i in range(count)]
        layers = (_Layer * count)(*(layer for layer, _ in packed))
        noise = np.random.default_rng(seed).integers(1, 2**32, 16, dtype=np.uint32)
        arrays = (
            np.ascontiguousarray(digits.pixels[:, used]),
            np.ascontiguousarray(digits.labels, np.uint8),
            np.ascontiguousarray(digits.soft, np.float32),
            np.ascontiguousarray(rows, np.int32),
            np.ascontiguousarray(rates, np.float32),
            noise,
        )
        recipe = _Recipe(**{name: getattr(steps, name) for name, _ in _Recipe._fields_})
        pointers = [ctypes.c_void_p(own.ctypes.data) for own in arrays]
        loss = _built(self.rows).train(
            count, len(rates), self.taken, len(used), *pointers, layers, ctypes.byref(recipe)
        )
        self.taken += len(rates)
        for i, (_, held) in enumerate(packed):
            self._unpack(i, held)
        return loss

    def _packed(self, i: int, place: np.ndarray, used: int) -> tuple[_Layer, dict]:
        """Return a layer for the steps, and the arrays that it points to."""
        weight = self.weights[i]
        outputs, inputs = np.nonzero(weight)
        first = np.zeros(len(weight) + 1, np.int32)
        np.cumsum(np.bincount(outputs, minlength=len(weight)), out=first[1:])
        columns = place[inputs] if i == 0 else inputs.astype(np.int32)
        stored = (weight, self.means[i], self.squares[i], self.averages[i])
        held = {"at": (outputs, inputs), "first": first, "input": np.ascontiguousarray(columns)}
        held |= {
            f"w_{name}": own[outputs, inputs].copy()
            for name, own in zip(STATES, stored, strict=True)
        }
        biases = (self.biases[i], *self.bias_states[i])
        held |= {f"b_{name}": own for name, own in zip(STATES, biases, strict=True)}
        names = [name for name, kind in _Layer._fields_ if kind is ctypes.c_void_p]
        pointers = (held[name].ctypes.data for name in names)
        inputs = used if i == 0 and not self.sides[0] else weight.shape[1]
        return _Layer(len(weight), inputs, self.sides[i], *pointers), held

    def _unpack(self, i: int, held: dict) -> None:
        for name, own in zip(
            STATES, (self.weights, self.means, self.squares, self.averages), strict=True
        ):
            fresh = np.zeros_like(own[i])
            fresh[held["at"]] = held[f"w_{name}"]
            own[i] = fresh


FULL = ((300, 784), (100, 300), (10, 100)), (0, 0, 0)
MAPS = ((20, 25), (50, 500), (500, 800), (10, 500)), (28, 12, 0, 0)
"""Shapes of the weights and sides of the maps of LeNet-300-100 and of LeNet-5."""


def check(shapes: Sequence[tuple[int, int]], sides: tuple[int, ...], rows: int) -> float:
    """Return how far five steps are from those of torch's autograd and AdamW."""
    generator = np.random.default_rng(0)
    weights = [0.3 * generator.normal(size=own) * (generator.random(own) < 0.1) for own in shapes]
    biases = [0.1 * generator.normal(size=own[0]) for own in shapes]
    pixels = generator.integers(0, 256, (1000, 784)).astype(np.uint8)
    labels = generator.integers(0, 10, 1000).astype(np.uint8)
    soft = generator.dirichlet(np.ones(10), 1000).astype(np.float32)
    network = SparseNetwork(weights, biases, sides, rows)
    batches, steps = generator.integers(0, 1000, (5, rows)), Steps(0.3, smoothing=0.1, decay=0.01)
    network.train(Digits(pixels, labels, soft), batches, np.full(5, 1e-3), steps, 0)
    w = [torch.tensor(own, dtype=torch.float32, requires_grad=True) for own in weights]
    b = [torch.tensor(own, dtype=torch.float32, requires_grad=True) for own in biases]
    groups = [{"params": w, "weight_decay": 0.01}, {"params": b, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    for some in batches:
        z = outputs(w, b, sides, torch.from_numpy(pixels[some]).float() / 255)
        hard = nn.functional.cross_entropy(
            z, torch.from_numpy(labels[some].astype(np.int64)), label_smoothing=0.1
        )
        warm = -(torch.from_numpy(soft[some]) * (z / 2).log_softmax(1)).sum(1).mean()
        optimizer.zero_grad()
        (0.3 * hard + 0.7 * 4 * warm).backward()
        for own, start in zip(w, weights, strict=True):
            assert own.grad is not None
            own.grad *= torch.from_numpy(start != 0)
        optimizer.step()
    pairs = zip([*w, *b], [*network.weights, *network.biases], strict=True)
    return max(float(np.abs(own.detach().numpy() - ours).max()) for own, ours in pairs)


Drop = Callable[[int, torch.Tensor], torch.Tensor]


def outputs(
    w: Sequence[torch.Tensor],
    b: Sequence[torch.Tensor],
    sides: tuple[int, ...],
    x: torch.Tensor,
    drop: Drop = lambda _, x: x,
) -> torch.Tensor:
    """Return what a network answers to rows of pixels from 0 to 1, (rows, 10), by torch.

    `drop(layer, x)` is what a layer reads.
    """
    for layer, (own, bias, side) in enumerate(zip(w, b, sides, strict=True)):
        x = drop(layer, x if side else x.flatten(1))
        if side:
            kernel = own.view(len(own), -1, 5, 5)
            maps = nn.functional.conv2d(x.reshape(len(x), -1, side, side), kernel, bias)
            x = nn.functional.max_pool2d(maps.relu(), 2)
        else:
            x = nn.functional.linear(x, own, bias)
            x = x.relu() if layer < len(w) - 1 else x
    return x


@cache
def _built(rows: int) -> ctypes.CDLL:
    """Return the compiled steps of so many rows."""
    source = Path(__file__).with_name("lenet_steps.c")
    target = Path(tempfile.mkdtemp()) / "steps.so"
    flags = ["-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512", "-shared", "-fPIC"]
    subprocess.run(
        ["cc", *flags, f"-DROWS={rows}", str(source), "-o", str(target), "-lm"], check=True
    )
    library = ctypes.CDLL(str(target))
    library.train.restype = ctypes.c_double
    return library


if __name__ == "__main__":
    for shapes, sides in (FULL, MAPS):
        worst = check(shapes, sides, 64)
        print(f"{len(shapes)} layers: five steps differ from torch's by {worst:.1e}")
        assert worst < 1e-5
