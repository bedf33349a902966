"""Every check of `checks`, on TensorFlow, JAX and torch; saved models in another process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.keras.processes import ELSEWHERE, MODULES, Answers, environment
from tests.processes import loaded_by, program

PAIRS = [
    pytest.param(
        backend, module, marks=[pytest.mark.thorough] if module in ELSEWHERE[backend] else []
    )
    for backend, modules in MODULES.items()
    for module in modules
]


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "module"), PAIRS)
def test_checks_pass_on_the_backend(answers: Answers, backend: str, module: str) -> None:
    outcomes = answers(backend)[module]
    assert len(outcomes) >= 3
    assert [f"{name}\n{problem}" for name, problem in outcomes.items() if problem] == []


@pytest.fixture(scope="session")
def loaded(answers: Answers, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what a fresh process of JAX found in the models that each backend has saved."""
    for backend in MODULES:
        answers(backend)
    run = subprocess.run(
        [*program("tests.keras.load_without_package"), str(folder), *MODULES],
        env=environment("jax", folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


@pytest.mark.slow
def test_a_saved_regularizer_loads_in_another_process(loaded: dict[str, dict[str, Any]]) -> None:
    for backend, seen in loaded.items():
        assert seen["regularizer"] == (
            "regularizer(0.1 * L1() + 0.2 * GroupLasso(axes=(0,)) + "
            "0.3 * ElasticNet(l1_ratio=0.25))"
        ), backend
        assert seen["loss"] > 0.5


@pytest.mark.slow
def test_without_the_package_the_error_says_what_to_install(
    loaded: dict[str, dict[str, Any]],
) -> None:
    for seen in loaded.values():
        assert "shrinkage>Regularizer" in seen["without"]
        assert "pip install shrinkage, then import shrinkage.keras" in seen["without"]


@pytest.mark.slow
def test_a_model_trained_with_terms_loads_without_the_package(
    loaded: dict[str, dict[str, Any]],
) -> None:
    for seen in loaded.values():
        assert seen["zeros"] == seen["size"] == 48


def test_importing_shrinkage_imports_no_keras() -> None:
    assert "keras" not in loaded_by("import shrinkage")
