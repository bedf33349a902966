"""The line of a finding: read off the code that runs, and never a wrong one."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from shrinkage import L2, audit
from shrinkage.audits.source_lines import (
    Origins,
    SourceLine,
    line_of,
    line_of_argument,
    line_of_attribute,
)

HERE = Path(__file__)


def once(model, scale):
    penalty = 0.01 * model.sum()
    return model - scale * penalty  # here


def several(model, scale):
    first = scale * model.sum()
    return model - scale * first


def in_closure(model, scale):
    def closure():
        return scale * model.sum()  # here

    return closure()


def never(model, scale):  # noqa: ARG001
    return model


def handed_on(model, scale):
    return once(model, scale)  # here


class Net:
    l2 = 0.1

    def step(self, model, scale):
        return scale * self.l2 * model  # here

    def __call__(self, model, scale):
        return model * scale  # here


@functools.lru_cache
def decorated(model, scale):
    return model * scale


def marked(function) -> int:
    """Return the number of the line that says `# here` in a function."""
    first = function.__code__.co_firstlineno
    lines = HERE.read_text(encoding="utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if n > first and line.endswith("# here"))


@pytest.mark.parametrize("function", [once, in_closure, handed_on])
def test_the_one_line_that_reads_the_scale(function):
    line = line_of_argument(function, 1)
    assert line.line == marked(function)
    assert Path(line.file) == HERE.resolve()


def test_the_first_line_where_several_read_it():
    assert line_of_argument(several, 1) == line_of(several)
    assert line_of(several).line == several.__code__.co_firstlineno


def test_methods_and_objects_that_are_called():
    assert line_of_argument(Net().step, 1).line == marked(Net.step)
    assert line_of_argument(Net(), 1).line == marked(Net.__call__)
    assert line_of_attribute(Net().step, "l2").line == marked(Net.step)
    assert line_of_attribute(Net().step, "l1") is None


@pytest.mark.parametrize("function", [functools.partial(once, scale=1.0), decorated])
def test_behind_partial_and_decorators_it_is_the_first_line(function):
    assert line_of_argument(function, 1) == line_of(function)
    assert line_of(function).function in ("once", "decorated")


def test_nothing_is_said_of_what_is_not_known():
    assert line_of_argument(never, 1) is None
    assert line_of_argument(once, 2) is None
    assert line_of(len) is None
    names: dict = {}
    exec("def typed(model, scale):\n    return model * scale", names)
    assert line_of(names["typed"]) is None


def test_paths_are_relative_to_where_the_audit_runs(tmp_path, monkeypatch):
    file = tmp_path / "my loops" / "train.py"
    line = SourceLine(str(file), 3, "step")
    monkeypatch.chdir(tmp_path)
    assert str(line) == "my loops/train.py:3, in step"
    assert line.uri == "my%20loops/train.py"
    monkeypatch.chdir(HERE.parent)
    assert line.uri == file.as_uri()


STEP, PENALTY, BUILT, CALLED = (SourceLine("train.py", number) for number in (1, 2, 3, 4))
W, NONE = frozenset("w"), frozenset[str]()


@pytest.mark.parametrize(
    ("rule", "parameter", "origins", "line"),
    [
        ("wrong-factor", "w", Origins(STEP, PENALTY, BUILT, CALLED), PENALTY),
        ("wrong-factor", "w", Origins(STEP, None, BUILT, CALLED, W), BUILT),
        ("wrong-factor", "w", Origins(STEP, None, BUILT, CALLED, NONE, W), CALLED),
        ("wrong-factor", "w", Origins(STEP, None, None, None, W), None),
        ("wrong-factor", "w", Origins(STEP, PENALTY, BUILT, CALLED, W), None),
        ("wrong-factor", "w", Origins(STEP, None, BUILT, CALLED, W, W), None),
        ("penalised-twice", "w", Origins(STEP, None, BUILT, CALLED, W, W), CALLED),
        ("double-counted", "w", Origins(STEP, PENALTY, BUILT, CALLED, W), PENALTY),
        ("no-effect", "", Origins(STEP, None, BUILT, CALLED), STEP),
        ("no-effect", "", Origins(STEP, None, BUILT, CALLED, W), BUILT),
        ("not-in-optimizer", "w", Origins(STEP, PENALTY, BUILT), BUILT),
        ("not-repeatable", "w", Origins(STEP, PENALTY, BUILT), STEP),
        ("cannot-judge", "w", Origins(STEP, PENALTY, BUILT), None),
        ("pattern-matches-nothing", "", Origins(STEP, PENALTY, BUILT), None),
    ],
)
def test_which_line_a_finding_has(rule, parameter, origins, line):
    assert origins.line_for(rule, parameter) == line


def test_the_neutral_audit_names_the_line():
    w = np.array([[1.0, -2.0]])

    def step(scale):
        gradient = np.ones_like(w)
        decayed = gradient + scale * 0.02 * w  # here
        return {"w": w}, {"w": w - 0.1 * decayed}

    report = audit(step, 0.01 * L2(), learning_rate=0.1)
    assert report.rules == ("wrong-factor",)
    assert report.findings[0].line.line == marked(step)
    assert report.step == line_of(step)
    assert f"  at {report.findings[0].line}" in str(report).splitlines()
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["findings"][0]["line"]["line"] == marked(step)
    assert plain["step"]["function"] == "step"
