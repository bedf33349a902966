"""`import shrinkage` loads NumPy and nothing heavier; the core works without a framework."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "jax", "tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib", "typer")
CORE = (
    "shrinkage",
    "shrinkage.arrays",
    "shrinkage.audits",
    "shrinkage.conventions",
    "shrinkage.errors",
    "shrinkage.parameters",
    "shrinkage.penalties",
    "shrinkage.scratch",
    "shrinkage.selections",
    "shrinkage.terms",
)


def in_fresh_python(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize("module", CORE)
def test_core_modules_load_no_framework(module):
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    assert in_fresh_python(code) == ""


def test_the_check_sees_a_framework():
    code = f"import sys, shrinkage.pytorch; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    assert "torch" in in_fresh_python(code).split()


def test_core_works_where_frameworks_cannot_be_imported():
    code = f"""
import sys
for name in {HEAVY!r}:
    sys.modules[name] = None
import numpy
from shrinkage import L1, L2, ParameterInfo, assign
info = ParameterInfo("w", (2, 3), "weight", "linear", 1, 0)
print(len(assign((info,), 0.1 * L1() + 0.1 * L2()).parts["w"]))
print(L1().prox(numpy.ones(2), 2.0).sum())
"""
    assert in_fresh_python(code).split() == ["2", "0.0"]


def test_every_public_name_is_there():
    code = "import shrinkage; print(*[n for n in shrinkage.__all__ if not hasattr(shrinkage, n)])"
    assert in_fresh_python(code) == ""


def test_unknown_names_are_attribute_errors():
    import shrinkage

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = shrinkage.nothing


def test_reports_load_no_framework_that_trains():
    code = (
        "import sys, shrinkage.reports; from shrinkage.paths import PathResult; "
        "print(*sorted(set(sys.modules) & {'torch', 'jax', 'sklearn', 'pandas'}))"
    )
    assert in_fresh_python(code) == ""
