"""Trains every case of one framework, and writes the weights to a file.

The words after the file are the framework's name, where to write, and "thorough" for every case.
One process a framework: Keras reads its backend and JAX its precision when they are imported.
"""

from __future__ import annotations

import importlib
import sys

import numpy as np

from tests.parity.frameworks.registry import FRAMEWORKS, runs


def key(optimizer: str, update: str, sum_name: str, place: str) -> str:
    """Return the name of one array in the file."""
    return "/".join((optimizer, update, sum_name, place))


def results(framework: str, *, thorough: bool) -> dict[str, np.ndarray]:
    """Return the weights of every case that exists and is asked for, (out, in)."""
    train = importlib.import_module(FRAMEWORKS[framework].module).train
    return {
        key(optimizer, update, name, place): w
        for (optimizer, update), sums in runs(framework, thorough=thorough).items()
        for name, weights in train(optimizer, update, sums).items()
        for place, w in weights.items()
    }


if __name__ == "__main__":
    name, path, *words = sys.argv[1:]
    np.savez(path, **results(name, thorough=bool(words)))  # type: ignore[arg-type]
