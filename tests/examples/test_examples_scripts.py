"""The scripts are complete, named, short, on public names alone; each has its page."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from shrinkage.cli.example import experiments, summary

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
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
MOST_LINES, MOST_SHARED_LINES = 150, 210


def imported(script: Path) -> dict[str, list[str]]:
    """Return what a script imports: the names, by module; none where the module itself is."""
    modules: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            modules.setdefault(node.module or "", []).extend(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            modules.update({alias.name: [] for alias in node.names})
    return modules


def test_every_row_of_the_texts_is_an_experiment():
    assert set(experiments()) == ROWS | ADDED


@pytest.mark.parametrize("name", sorted(ROWS | ADDED))
def test_each_says_what_it_shows_and_has_a_page(name):
    assert 20 < len(summary(experiments()[name])) < 100
    assert (ROOT / "docs" / "examples" / f"{name}.md").is_file()


def test_no_page_is_of_no_experiment():
    pages = {path.stem for path in (ROOT / "docs" / "examples").glob("*.md")} - {"index"}
    assert pages == set(experiments())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_uses_public_names_alone(script):
    ours = {m: names for m, names in imported(script).items() if m.split(".")[0] == "shrinkage"}
    assert ours
    for module, names in ours.items():
        assert module.count(".") <= 1, f"{module} is a room's own file"
        if module == "shrinkage.keras":
            pytest.importorskip("keras", reason="needs Keras 3, an extra")
        public = importlib.import_module(module)
        # `shrinkage.errors` is a page of the reference and holds nothing else.
        hidden = set(names) - set(getattr(public, "__all__", vars(public)))
        rooms = {name for name in hidden if (ROOT / "src" / "shrinkage" / name).is_dir()}
        assert hidden - rooms == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_is_short_and_imports_no_other(script):
    most = MOST_SHARED_LINES if script.stem == "common" else MOST_LINES
    assert len(script.read_text(encoding="utf-8").splitlines()) <= most
    assert not set(imported(script)) & {other.stem for other in SCRIPTS if other.stem != "common"}


def test_the_list_loads_no_framework():
    code = (
        "import sys; from shrinkage.cli.example import experiments, summary; "
        "assert [summary(script) for script in experiments().values()]; "
        "print([m for m in ('torch', 'keras', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
