"""Runs in the libraries, those that need a process of their own all at once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.conventions.directions import DIRECTIONS
from tests.conventions.libraries import IN_PROCESS
from tests.conventions.plans import plan
from tests.processes import environment, program

WORKERS = {"keras": "tests.conventions.keras_worker", "optax": "tests.conventions.optax_worker"}


def in_own_process(library: str, runs: list[dict[str, Any]]) -> list[np.ndarray]:
    """Return the weights after runs of a library that configures itself on import."""
    answer = subprocess.run(
        program(WORKERS[library]),
        env=environment(),
        input=json.dumps(runs),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return [np.array(weights) for weights in json.loads(answer.stdout)]


@pytest.fixture(scope="session")
def keras_runs() -> Callable[[list[dict[str, Any]]], list[np.ndarray]]:
    """Return a function that runs Keras."""
    return lambda runs: in_own_process("keras", runs)


@pytest.fixture
def compared() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return, for every direction, the weights that the two libraries ended with."""
    plans = {str(direction): plan(direction) for direction in DIRECTIONS}
    results: dict[str, np.ndarray] = {}
    waiting: dict[str, dict[str, dict[str, Any]]] = {library: {} for library in WORKERS}
    for pair in plans.values():
        for run in pair:
            if isinstance(run, np.ndarray):
                continue
            key = json.dumps(run)
            library = run["convention"].partition(".")[0]
            if library in WORKERS:
                waiting[library][key] = run
            elif key not in results:
                results[key] = IN_PROCESS[run["convention"]](run)
    for library, runs in waiting.items():
        results |= dict(zip(runs, in_own_process(library, list(runs.values())), strict=True))
    return {
        name: tuple(
            run if isinstance(run, np.ndarray) else results[json.dumps(run)] for run in pair
        )
        for name, pair in plans.items()
    }
