"""Keras reads its backend when it is imported: the checks run in processes of their own.

All that the session's tests ask for start at once, with the first question, and run once.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.keras.processes import MODULES, Answers, environment
from tests.processes import program
from tests.selecting import values_of

HERE = Path(__file__).parent
SAVING = "regularizers"  # whose models another process loads
# torch tensors have no `copy` in __array__ yet, which NumPy warns of wherever Keras converts one.
OPTIONS = ("-W", "error", "-W", "ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the models are saved that another process loads."""
    return tmp_path_factory.mktemp("keras")


@pytest.fixture(scope="session")
def answers(folder: Path, request: pytest.FixtureRequest) -> Answers:
    """Return a function that gives the outcomes of every check on a backend."""
    running: dict[str, subprocess.Popen[str]] = {}
    outcomes: dict[str, Any] = {}

    def answer(backend: str) -> dict[str, dict[str, str]]:
        asked = (*values_of(request.session, HERE, "backend"), backend)
        modules = [values_of(request.session, HERE, word) for word in ("backend", "module")]
        pairs = set(zip(*modules, strict=True))
        for name in [name for name in MODULES if name in asked and name not in running]:
            (folder / name).mkdir()
            checks = [m for m in MODULES[name] if m == SAVING or (name, m) in pairs]
            running[name] = subprocess.Popen(
                [*program("tests.keras.worker", *OPTIONS), *checks],
                env=environment(name, folder / name),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        if backend not in outcomes:
            out, problems = running[backend].communicate()
            assert running[backend].returncode == 0, problems[-3000:]
            outcomes[backend] = json.loads(out.splitlines()[-1])
        return outcomes[backend]

    return answer
