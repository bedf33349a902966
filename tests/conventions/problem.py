"""One small linear problem that every library trains, and what a run of it is.

A run is a plain mapping, so that it can be sent to another process: the convention and its number,
the data, the start, how many steps, at which learning rate, on which data loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEARNING_RATE = 0.125  # a power of 2, so that no library rounds it
MAX_LEARNING_RATE = 0.25  # of the schedule of which the runs are a piece
STEPS = 3  # under Adam one step shows only the sign of the gradient
# The same in every Adam: the libraries add ε in different places.
EPSILON = 1e-12
ROWS, COLUMNS = 12, 3
GAMMA, EPSILON_OF_LOG_SUM = 3.7, 0.5
START = (0.8, -0.6, 0.5)


def data(loss: str) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and a target: 0 or 1 for the log loss, else of mean 0 and variance 1."""
    random = np.random.default_rng(3)
    X = random.normal(size=(ROWS, COLUMNS))
    y = X @ np.array([1.0, -0.7, 0.4]) + 0.7 * random.normal(size=ROWS)
    if loss == "logistic":
        return X, (y > np.median(y)).astype(float)
    return X, (y - y.mean()) / y.std()


def run_of(
    convention: str,
    number: Any,
    *,
    loss: str,
    rows: int = ROWS,
    l1_ratio: float | None = None,
    optimizer: str = "sgd",
    start: Any = START,
    steps: int = STEPS,
    learning_rate: float = LEARNING_RATE,
) -> dict[str, Any]:
    """Return the description of one run."""
    X, y = data(loss)
    return {
        "convention": convention,
        "number": number,
        "l1_ratio": l1_ratio,
        "loss": loss,
        "optimizer": optimizer,
        "X": X[:rows].tolist(),
        "y": y[:rows].tolist(),
        "start": list(start),
        "steps": steps,
        "learning_rate": learning_rate,
        "max_learning_rate": MAX_LEARNING_RATE,
        "epsilon": EPSILON,
    }


def data_gradient(run: dict[str, Any], w: np.ndarray) -> np.ndarray:
    """Return the gradient of the mean data loss, written out."""
    X, y = np.array(run["X"]), np.array(run["y"])
    output = X @ w
    if run["loss"] == "logistic":
        return X.T @ (1 / (1 + np.exp(-output)) - y) / len(y)
    whole = 2 if run["loss"] == "squared" else 1
    return whole * X.T @ (output - y) / len(y)
