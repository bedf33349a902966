"""Extras are those of pyproject.toml, and a door that lacks one names it in one line."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import Any

import pytest

from shrinkage.extras import DISTRIBUTIONS, EXTRAS, MissingExtra, missing, needs
from tests import missing_extras
from tests.processes import ROOT, environment, program

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Sums of others, what only developers install, and file formats (tests/datasets).
NOT_DOORS = {"all", "loops", "examples", "test", "docs", "bench", "lint", "package"}


def distributions(extra: str) -> set[str]:
    """Return the names that an extra of pyproject.toml lists."""
    listed = PROJECT["optional-dependencies"][extra]
    return {match[0] for text in listed if (match := re.match(r"[\w-]+", text))}


def test_the_table_is_that_of_the_project() -> None:
    assert set(PROJECT["optional-dependencies"]) - NOT_DOORS == set(EXTRAS)
    for extra, modules in EXTRAS.items():
        named = {DISTRIBUTIONS.get(name, name) for name in modules}
        assert named <= distributions(extra)
        assert distributions(extra) - named <= {"torch"}  # MLflow is of any framework


def test_the_readme_says_what_each_extra_gives() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first_screen = readme[: readme.index("## Recipe 1")]
    named = set(re.findall(r"\[(\w+)\](?!\()", first_screen))
    assert named == {*EXTRAS, "all"}


@pytest.fixture(scope="module")
def outcomes() -> list[Any]:
    """What each door says where a distribution is hidden, tried in one process."""
    run = subprocess.run(
        program("tests.missing_extras"),
        env=environment(KERAS_BACKEND="jax"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_every_extra_has_a_door() -> None:
    assert {extra for extra, _ in missing_extras.DOORS.values()} == set(EXTRAS)


def test_a_door_that_lacks_a_distribution_names_an_extra_in_one_line(outcomes: list[Any]) -> None:
    assert len(outcomes) > 50
    for module, door, said in outcomes:
        where = f"{door} without {module}: {said}"
        extra, _ = missing_extras.DOORS[door]
        on_torch = door in missing_extras.STAND_ON_TORCH and module == "torch"
        assert said["extra"] == ("torch" if on_torch else extra), where
        assert said["lines"] == 1, where
        assert said["type"] in ("MissingExtra", "RuntimeError"), where


def test_every_package_that_lacks_is_named_at_once() -> None:
    error = missing("paths", "json", "no_such_a", "no_such_b")
    assert isinstance(error, MissingExtra)
    assert isinstance(error, (ModuleNotFoundError, ValueError))
    assert "no_such_a and no_such_b" in str(error)


def test_what_an_installed_package_lacks_is_named_itself() -> None:
    with pytest.raises(MissingExtra, match="run pip install no_such_module"), needs("torch"):
        import no_such_module  # type: ignore # noqa: F401
    with pytest.raises(ModuleNotFoundError, match=r"shrinkage\.no_such") as caught, needs("torch"):
        import shrinkage.no_such  # type: ignore # noqa: F401
    assert not isinstance(caught.value, MissingExtra)
