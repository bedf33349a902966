"""Adding a penalty is one new file and one line: it is then met everywhere.

The file is tests/penalties/firm.py, copied to a module of its own as a user would write it; the
line is the entry in the registry.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import make_dataclass
from pathlib import Path

import pytest

from shrinkage.penalties import (
    L1,
    REGISTRY,
    Penalty,
    check_penalty,
    options_of,
    penalty_from_name,
    variants_of,
)
from tests.cli.command_line import QUICK, refused, shrinkage
from tests.penalties import firm

PAGE = Path(__file__).parents[2] / "docs" / "penalties_page.py"
REFERENCE = PAGE.parent / "reference" / "penalties.md"


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Penalty]]:
    """The penalty of a module that is registered for the length of a test."""
    (tmp_path / "added_penalty.py").write_text(Path(firm.__file__).read_text(encoding="utf-8"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    penalty = importlib.import_module("added_penalty").Firm
    monkeypatch.setitem(REGISTRY, penalty.name, penalty)  # the one line
    yield penalty
    del sys.modules["added_penalty"]


def test_by_name(added: type[Penalty]) -> None:
    assert penalty_from_name("firm", knee=2.0) == added(knee=2.0)  # type: ignore[call-arg]


@pytest.mark.slow
def test_in_the_battery(added: type[Penalty]) -> None:
    variants = variants_of(added)
    assert [penalty.knee for penalty in variants] == [3.0, 1.5, 10.0]  # type: ignore[attr-defined]
    for penalty in variants:
        report = check_penalty(penalty, namespaces=["numpy", "torch"])
        assert "prox-global-minimum" in report.passed
        assert report.skipped["prox-three-points"] == "the penalty says convex = False"


def test_in_the_list_of_penalties(added: type[Penalty]) -> None:
    out = shrinkage("penalties").out
    assert added.formula in out
    assert added.summary in out
    assert "--knee (3.0)" in out


@pytest.mark.slow
def test_on_the_command_line(added: type[Penalty]) -> None:
    answer = shrinkage("path", "-h")
    assert "firm: where it becomes flat, in strengths [default: 3.0]" in " ".join(
        answer.out.split()
    )
    asked = ("path", "digits", *QUICK, "--out", "run", "--penalty", added.name, "--knee", "2.5")
    answer = shrinkage(*asked)
    assert answer.status == 0, answer
    summary = json.loads(Path("run/summary.json").read_text(encoding="utf-8"))
    assert summary["penalty"] == "Firm(knee=2.5)"


@pytest.mark.usefixtures("added")
def test_an_option_of_another_penalty_is_refused(tmp_path: Path) -> None:
    path = ("path", "digits", "--penalty")
    refused(tmp_path, (*path, "l1", "--knee", "3"), "--knee", "l1, which has no options", "leave")
    refused(tmp_path, (*path, "firm", "--per", "input"), "--per", "firm, which has --knee", "leave")
    refused(tmp_path, (*path, "firm", "--knee", "three"), "'--knee'", "valid")


def test_two_penalties_share_the_option_of_one_name(
    added: type[Penalty], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGISTRY, "hard", type("Hard", (added,), {"name": "hard"}))
    text = " ".join(shrinkage("path", "-h").out.split())
    assert text.count("--knee") == 1
    assert "firm: where it becomes flat, in strengths [default: 3.0]; hard: where it" in text


def test_one_name_has_one_type(added: type[Penalty], monkeypatch: pytest.MonkeyPatch) -> None:
    worded = make_dataclass("Worded", [("knee", str, "low")], bases=(L1,), frozen=True)
    monkeypatch.setitem(REGISTRY, "worded", worded)
    with pytest.raises(TypeError, match="one type for the field 'knee' of firm, worded"):
        shrinkage("path", "-h")
    assert options_of(added)[0].type is float


def test_on_the_page_of_the_reference(added: type[Penalty]) -> None:
    spec = importlib.util.spec_from_file_location("penalties_page", PAGE)
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    built = page.on_page_markdown(REFERENCE.read_text(encoding="utf-8"), page=None, config=None)
    assert "<!-- penalties" not in built
    for name, penalty in REGISTRY.items():
        assert f"| `{name}` | " in built
        assert f"\n::: {penalty.__module__}.{penalty.__qualname__}\n" in built
    facts = "nonsmooth, not convex, separable"
    option = "`--knee`: where it becomes flat, in strengths [default: 3.0]"
    formula = added.formula.replace("|", "\\|")
    assert f"| `firm` | {formula} | {added.summary} | {facts} | {option} |" in built
    assert L1.formula.replace("|", "\\|") in built


@pytest.mark.parametrize("update", ["proximal", "gradient", "decoupled"])
def test_in_training_the_knee_follows_the_strength_of_each_model(update: str) -> None:
    torch = pytest.importorskip("torch")
    from shrinkage.pytorch import attach, regularize
    from shrinkage.terms import Part

    start = torch.linspace(-1.0, 1.0, 12, dtype=torch.float64).reshape(3, 4)
    strengths = torch.tensor([0.02, 0.2, 0.5], dtype=torch.float64)
    stack = torch.nn.Parameter(start.expand(3, 3, 4).clone())
    together = torch.optim.Adam([stack], lr=0.05)
    attach(together, {stack: [Part(strengths, firm.Firm(2.0), update=update)]}, stacked=1)
    for _ in range(20):
        stack.grad = stack.detach() - 0.3
        together.step()
    for k, strength in enumerate(strengths.tolist()):
        for first in (strength, 1.0):
            model = torch.nn.Linear(4, 3, bias=False, dtype=torch.float64)
            model.weight.data = start.clone()
            alone = torch.optim.Adam(model.parameters(), lr=0.05)
            term = first * firm.Firm(2.0)
            regularize(alone, model, term, update=update).set_strength(term, strength)
            for _ in range(20):
                model.weight.grad = model.weight.detach() - 0.3
                alone.step()
            torch.testing.assert_close(stack[k], model.weight, rtol=0, atol=1e-12)
