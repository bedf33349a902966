"""The page agrees with the registry, and the package loads nothing heavy."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from shrinkage.conventions.registry import REGISTRY
from tests.conventions.convention_libraries import IN_PROCESS

SCRIPT = Path(__file__).parents[2] / "docs" / "conventions_table.py"
HEAVY = ("torch", "jax", "keras", "sklearn", "scipy", "pandas", "typer", "rich")


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("conventions_table", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text(encoding="utf-8") == script.page()
    assert all(f"`{name}`" in script.table() for name in REGISTRY)


def test_what_is_not_run_by_its_library_says_so() -> None:
    published = {name for name, entry in REGISTRY.items() if "published" in entry.checked_by}
    assert published == {
        "tfa.adamw.weight_decay",
        "fastai.wd",
        "fastai.sgd.wd",
        "glmnet.lambda",
        "timescale.steps",
        "timescale.epochs",
    }
    own_process = {name for name in REGISTRY if name.startswith(("keras.", "optax."))}
    assert own_process | set(IN_PROCESS) == set(REGISTRY)


def test_conversions_load_no_framework() -> None:
    code = (
        "import sys; from shrinkage.conventions import convert; "
        "convert(0.01, 'keras.l2', 'torch.sgd.weight_decay'); "
        f"print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr
