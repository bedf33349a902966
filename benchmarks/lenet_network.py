"""A network that is trained on its weights that are not zero, alone.

Who uses this: `benchmarks/lenet.py`. With one weight in ninety left, dense products would do ninety
times the work; here a step of 128 rows takes a tenth of a millisecond. The steps are in
`lenet_steps.c`, which is built once with the system's C compiler.
"""

from __future__ import annotations

import ctypes
import math
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from lenet_dense import FULL, MAPS, outputs
from torch import nn

STATES = ("w", "mean", "square", "average")
KERNEL = 5
"""Side of a convolution's kernel."""
MAP_ROWS, LINE_ROWS = 16, 64
"""Rows that are taken at once, where there are maps and where there are none: what was fastest."""
Pointer = ctypes.c_void_p


class _Layer(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("outputs", "inputs", "side")),
        *((name, Pointer) for name in ("first", "origin")),
        *((f"w_{name}", Pointer) for name in STATES),
        *((f"b_{name}", Pointer) for name in STATES),
    ]


class _Digits(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("wide", "some")),
        *((name, Pointer) for name in ("used", "pixels", "labels", "soft")),
    ]


class _Recipe(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_float)
        for name in (
            *("hard", "temperature", "push"),
            *("beta1", "beta2", "epsilon", "decay", "lasso", "averaging"),
        )
    ]


@dataclass(frozen=True)
class Steps:
    """What a step is: Adam on cross entropy and soft targets.

    Args:
        hard: share of the labels in the loss; the others are soft targets at `temperature`.
        temperature: of the soft targets.
        push: Euclidean length by which each picture is moved along the gradient of its loss, for
            half of the loss (Goodfellow et al. 2015, in the norm of Miyato et al. 2018): to first
            order ½ push · ‖∂loss/∂pixels‖ as a penalty. 0: not at all.
        decay: decoupled weight decay.
        lasso: strength of L1, by its prox in Adam's metric.
        averaging: how much of the average of the weights stays at a step.
    """

    hard: float = 1.0
    temperature: float = 2.0
    push: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.0
    lasso: float = 0.0
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
    rows: int = 128
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

    def train(self, digits: Digits, rows: np.ndarray, rates: np.ndarray, steps: Steps) -> float:
        """Take `len(rates)` steps, each of its `rows`, and return the mean cross entropy."""
        living = self._living()
        packed = [_Packed(self, i, *own) for i, own in enumerate(pairwise(living))]
        pixels = np.arange(digits.pixels.shape[1]) if self.sides[0] else living[0]
        arrays = {
            "used": np.ascontiguousarray(pixels, np.int32),
            "pixels": np.ascontiguousarray(digits.pixels, np.uint8),
            "labels": np.ascontiguousarray(digits.labels, np.uint8),
            "soft": np.ascontiguousarray(digits.soft, np.float32),
        }
        rows, rates = np.ascontiguousarray(rows, np.int32), np.ascontiguousarray(rates, np.float32)
        read = _Digits(digits.pixels.shape[1], len(pixels), *map(_pointer, arrays.values()))
        layers = (_Layer * len(packed))(*(own.layer for own in packed))
        recipe = _Recipe(**{own[0]: getattr(steps, own[0]) for own in _Recipe._fields_})
        part = MAP_ROWS if any(self.sides) else math.gcd(LINE_ROWS, rows.shape[1])
        loss = _steps(part).train(
            *(len(packed), len(rates), self.taken, rows.shape[1], ctypes.byref(read)),
            *(_pointer(rows), _pointer(rates), layers, ctypes.byref(recipe)),
        )
        self.taken += len(rates)
        for own in packed:
            own.give_back()
        return loss

    def _living(self) -> list[np.ndarray]:
        """Return which inputs (of maps: channels) are read, and which units of each layer."""
        start = np.arange(1) if self.sides[0] else np.flatnonzero(self.weights[0].any(axis=0))
        read = (
            np.flatnonzero(above.any(axis=0).reshape(len(own), -1).any(axis=1))
            for own, above in pairwise(self.weights)
        )
        return [start, *read, np.arange(len(self.weights[-1]))]


class _Packed:
    """A layer's weights that are not zero, of units that are read, as the steps want them."""

    def __init__(
        self, network: SparseNetwork, i: int, behind: np.ndarray, living: np.ndarray
    ) -> None:
        weight, side = network.weights[i], network.sides[i]
        units = len(network.weights[i - 1]) if i else (1 if side else weight.shape[1])
        outputs, inputs = np.nonzero(weight[living])
        each = weight.shape[1] // units
        rank = np.zeros(units, np.int64)
        rank[behind] = np.arange(len(behind))
        unit, place = inputs // each, inputs % each
        if side:
            each, place = side * side, place // KERNEL * side + place % KERNEL
        self._origin = (rank[unit] * each + place).astype(np.int32)
        self._first = np.searchsorted(outputs, np.arange(len(living) + 1)).astype(np.int32)
        weights = (weight, network.means[i], network.squares[i], network.averages[i])
        biases = (network.biases[i], *network.bias_states[i])
        self._whole = [*((own, (living[outputs], inputs)) for own in weights)]
        self._whole += [(own, living) for own in biases]
        self._parts = [own[at] for own, at in self._whole]
        pointers = map(_pointer, (self._first, self._origin, *self._parts))
        self.layer = _Layer(len(living), len(behind) * each, side, *pointers)

    def give_back(self) -> None:
        """Write what the steps changed where it came from."""
        for (own, at), part in zip(self._whole, self._parts, strict=True):
            own[at] = part


def _pointer(array: np.ndarray) -> Pointer:
    return Pointer(array.ctypes.data)


def check(
    shapes: Sequence[tuple[int, int]], sides: tuple[int, ...], rows: int, push: float
) -> float:
    """Return how far five steps are from those of torch's autograd and AdamW, L1's prox behind."""
    generator = np.random.default_rng(0)
    weights = [0.3 * generator.normal(size=own) * (generator.random(own) < 0.5) for own in shapes]
    biases = [0.1 * generator.normal(size=own[0]) for own in shapes]
    pixels = generator.integers(0, 256, (1000, 784)).astype(np.uint8)
    labels = generator.integers(0, 10, 1000).astype(np.uint8)
    soft = generator.dirichlet(np.ones(10), 1000).astype(np.float32)
    network = SparseNetwork(weights, biases, sides, rows)
    batches = generator.integers(0, 1000, (5, rows))
    steps = Steps(0.3, push=push, epsilon=1e-4, decay=0.01, lasso=1e-5)
    network.train(Digits(pixels, labels, soft), batches, np.full(5, 1e-3), steps)
    w = [torch.tensor(own, dtype=torch.float32, requires_grad=True) for own in weights]
    b = [torch.tensor(own, dtype=torch.float32, requires_grad=True) for own in biases]
    groups = [{"params": w, "weight_decay": 0.01}, {"params": b, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, eps=1e-4)

    def loss(x: torch.Tensor, some: np.ndarray) -> torch.Tensor:
        z = outputs(w, b, sides, x)
        hard = nn.functional.cross_entropy(z, torch.from_numpy(labels[some].astype(np.int64)))
        warm = -(torch.from_numpy(soft[some]) * (z / 2).log_softmax(1)).sum(1).mean()
        return 0.3 * hard + 0.7 * 4 * warm

    for some in batches:
        x = (torch.from_numpy(pixels[some]).float() / 255).requires_grad_()
        (along,) = torch.autograd.grad(loss(x, some), x)
        moved = x.detach() + push * along / along.norm(dim=1, keepdim=True)
        optimizer.zero_grad()
        (0.5 * loss(x, some) + 0.5 * loss(moved, some)).backward()
        for own, start in zip(w, weights, strict=True):
            assert own.grad is not None
            own.grad *= torch.from_numpy(start != 0)
        optimizer.step()
        for own, start in zip(w, weights, strict=True):
            state = optimizer.state[own]
            step = 1e-3 / ((state["exp_avg_sq"] / (1 - 0.999 ** state["step"])).sqrt() + 1e-4)
            shorter = (own.detach().abs() - 1e-5 * step).clamp(min=0) * own.detach().sign()
            own.data = torch.where(torch.from_numpy(start != 0), shorter, own.detach())
    pairs = zip([*w, *b], [*network.weights, *network.biases], strict=True)
    return max(float(np.abs(own.detach().numpy() - ours).max()) for own, ours in pairs)


@cache
def compiled(name: str, *flags: str) -> ctypes.CDLL:
    """Return a C file beside this one, built by the system's compiler."""
    source = Path(__file__).with_name(name)
    target = Path(tempfile.mkdtemp()) / "built.so"
    fast = ["-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512", "-Wno-psabi"]
    subprocess.run(
        ["cc", *fast, *flags, "-shared", "-fPIC", str(source), "-o", str(target), "-lm"],
        check=True,
    )
    return ctypes.CDLL(str(target))


def _steps(part: int) -> ctypes.CDLL:
    """Return the compiled steps that take so many rows at a time."""
    library = compiled("lenet_steps.c", f"-DPART={part}")
    library.train.restype = ctypes.c_double
    return library


if __name__ == "__main__":
    for shapes, sides in (FULL, MAPS):
        for push in (0.0, 0.5):
            worst = check(shapes, sides, 64, push)
            print(f"{len(shapes)} layers, push {push}: five steps are {worst:.1e} from torch's")
            assert worst < 1e-5
