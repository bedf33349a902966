"""`import shrinkage` loads NumPy and nothing heavier; the core works without a framework."""

from __future__ import annotations

import pytest

import shrinkage
from tests.processes import loaded_by, printed

HEAVY = {"torch", "jax", "tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib", "typer"}
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


@pytest.mark.parametrize("module", CORE)
def test_core_modules_load_no_framework(module):
    assert not loaded_by(f"import {module}") & HEAVY


def test_the_check_sees_a_framework():
    assert "torch" in loaded_by("import shrinkage.pytorch")


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
    assert printed(code).split() == ["2", "0.0"]


def test_every_public_name_is_there():
    code = "import shrinkage; print(*[n for n in shrinkage.__all__ if not hasattr(shrinkage, n)])"
    assert printed(code) == ""


def test_unknown_names_are_attribute_errors():
    import shrinkage

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = shrinkage.nothing


def test_reports_load_no_framework_that_trains():
    code = "import shrinkage.reports; from shrinkage.paths import PathResult"
    assert not loaded_by(code) & {"torch", "jax", "sklearn", "pandas"}


def test_every_penalty_is_at_the_top():
    """The report's lines of code and the table of `shrinkage penalties` name them so."""
    classes = {kind.__name__ for kind in shrinkage.penalties.REGISTRY.values()}
    assert classes <= set(shrinkage.__all__)


def test_a_command_does_not_stop_to_look_for_what_is_not_used():
    code = """
import gc, sys
from shrinkage.__main__ import main
looks = []
gc.callbacks.append(lambda phase, told: looks.append(phase))
sys.argv = ["shrinkage", "penalties"]
try:
    main()
except SystemExit:
    print("looks", len(looks), len(gc.get_objects()))
"""
    looks, objects = (int(word) for word in printed(code).split()[-2:])
    assert looks < 20
    assert objects < 1000  # that Python looks through when it ends


def test_modules_are_loaded_beside_other_work():
    code = """
import sys
from shrinkage.beside import load_beside
usual = sys.getswitchinterval()
threads = [load_beside("no_such_module", "shrinkage.reports.page") for _ in range(2)]
for thread in threads:
    thread.join()
print("matplotlib" in sys.modules, sys.getswitchinterval() == usual)
"""
    assert printed(code) == "True True"


def test_converting_loads_nothing_that_draws_tables():
    code = """
import sys
from shrinkage.__main__ import main
sys.argv = "shrinkage convert 0.01 --from keras.l2 --to torch.sgd.weight_decay".split()
try:
    main()
except SystemExit:
    print(*sys.modules)
"""
    assert not set(printed(code).split()) & (HEAVY - {"typer"} | {"rich"})
