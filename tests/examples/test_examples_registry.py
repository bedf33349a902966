"""The experiments are complete, named, and each has its file and its page."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from shrinkage.errors import InputError
from shrinkage.examples import EXPERIMENTS, experiment_named

ROOT = Path(__file__).resolve().parents[2]
# The rows of the texts that this project was asked to run.
ROWS = {
    "polynomial",
    "torch-l1",
    "torch-l2",
    "torch-adam-weight-decay",
    "torch-elastic-net",
    "dropout",
    "numpy-weight-decay",
    "keras-l2",
    "l1-vs-l2",
    "cross-validation",
    "zero-strength",
}
ADDED = {"feature-selection", "three-frameworks"}


def test_every_row_of_the_texts_is_an_experiment():
    assert set(EXPERIMENTS) == ROWS | ADDED


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_has_a_module_with_run_a_file_and_a_page(name):
    assert callable(importlib.import_module(EXPERIMENTS[name].module).run)
    script = ROOT / "examples" / f"{name.replace('-', '_')}.py"
    assert f'run("example", "{name}")' in script.read_text(encoding="utf-8")
    assert (ROOT / "docs" / "examples" / f"{name}.md").is_file()


def test_no_file_is_of_no_experiment():
    scripts = {path.stem.replace("_", "-") for path in (ROOT / "examples").glob("*.py")}
    pages = {path.stem for path in (ROOT / "docs" / "examples").glob("*.md")} - {"index"}
    assert scripts == pages == set(EXPERIMENTS)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="torch-l1"):
        experiment_named("torch_l1")
    with pytest.raises(InputError, match="--list"):
        experiment_named("zzzz")


def test_the_registry_loads_no_framework():
    code = (
        "import sys, shrinkage.examples; "
        "print([m for m in ('torch', 'keras', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
