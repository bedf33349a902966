"""`shrinkage audit` on plain scripts and trainers: what it takes, writes and refuses."""

from __future__ import annotations

import itertools
import json

import pytest

from shrinkage.audits import RULES
from tests.audits.sarif_essentials import faults_of
from tests.cli.command_line import refused, shrinkage

NUMBERS = itertools.count()
SCRIPT = """
import torch
from torch import nn
from shrinkage import L2, audit
from shrinkage.pytorch import audit_trainer

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)  # built
sgd = torch.optim.SGD(model.parameters(), lr=0.1)
batch = torch.randn(8, 5), torch.randint(0, 3, (8,))
terms = None

def training_step(model, optimizer, batch):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()

def penalised_step(model, sgd, batch, scale=1.0):
    sgd.zero_grad()
    squares = sum(w.pow(2).sum() for w in model.parameters() if w.ndim > 1)
    (nn.functional.cross_entropy(model(batch[0]), batch[1]) + scale * 0.1 * squares).backward()
    sgd.step()

def of_other_data(model, optimizer, rows):
    pass

def too_few(model, optimizer):
    pass

def for_audit():
    return model, sgd, penalised_step, batch, 0.1 * L2()

def net():
    import skorch

    trained = skorch.NeuralNetRegressor(
        nn.Linear(3, 1), optimizer=torch.optim.AdamW, optimizer__weight_decay=0.1
    )
    return trained, torch.ones(8, 3).numpy(), torch.ones(8, 1).numpy()

def report():
    return audit(lambda scale: ({"w": x}, {"w": x - 0.1 * scale * 0.5 * x}), 0.5 * L2(), 0.1)

x = torch.ones(2, 2).numpy()
if __name__ == "__main__":
    raise SystemExit("trains")
"""


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Write the script in a folder of its own, named anew each time, and return its path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    (tmp_path / "code").mkdir()
    path = tmp_path / "code" / f"audited_script_{next(NUMBERS)}.py"
    path.write_text(SCRIPT)
    return f"code/{path.name}"


def line_of(words: str) -> int:
    """Return the number of the line of the script that has some words."""
    return next(n for n, line in enumerate(SCRIPT.splitlines(), 1) if words in line)


def test_a_training_step_is_called_with_the_variables_of_its_arguments(script):
    answer = shrinkage("audit", f"{script}:training_step")
    assert answer.status == 0, answer.err
    assert "'decoupled'" in answer.out
    assert f"  at {script}:{line_of('# built')}\n" in answer.out
    assert answer.out.endswith("shrinkage audit --explain bias-or-norm-penalised\n")


@pytest.mark.parametrize("function", ["net", "report"])
def test_trainers_and_reports_are_taken_too(script, function):
    answer = shrinkage("audit", f"{script}:{function}", "--format", "json")
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["update"] in ("decoupled", "gradient")


def test_sarif_in_a_file(script, tmp_path):
    output = tmp_path / "audit.sarif"
    options = ("--format", "sarif", "--output", output)
    answer = shrinkage("audit", f"{script}:for_audit", *options)
    assert answer.status == 1
    assert answer.out == f"not ok: 2 errors\nreport: {output.as_posix()}\n"
    log = json.loads(output.read_text(encoding="utf-8"))
    assert faults_of(log) == []
    places = [r["locations"][0]["physicalLocation"] for r in log["runs"][0]["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {script}
    assert {place["region"]["startLine"] for place in places} == {line_of("scale * 0.1")}


def test_text_in_a_file_has_everything(script, tmp_path):
    output = tmp_path / "audit.txt"
    shrinkage("audit", f"{script}:for_audit", "--output", output)
    text = output.read_text(encoding="utf-8")
    assert text.startswith("parameter")
    assert "error wrong-factor (0.weight" in text
    assert f"  at {script}:{line_of('scale * 0.1')}, in penalised_step\n" in text


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_explained(rule):
    answer = shrinkage("audit", "--explain", rule)
    assert answer.status == 0
    words = " ".join(answer.out.split())
    assert all(part in words for part in (rule, RULES[rule].cost, RULES[rule].link))


def test_the_schema_is_printed():
    assert json.loads(shrinkage("audit", "--schema").out)["type"] == "object"


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (":trainin_step", (), "did you mean training_step"),
        ("", (), "name the function too, as code/"),
        (":of_other_data", (), "got no rows: define them at the top level"),
        (":too_few", (), "got one of (model, optimizer)"),
        (":training_step", ("--output", "nowhere/audit.json"), "a folder that is not there"),
        (":training_step", ("--output", "code"), "got a folder: code"),
        (":training_step", ("--format", "xml"), "'xml' is not one of"),
    ],
)
def test_bad_input_is_one_line_and_status_2(script, tmp_path, function, options, words):
    del tmp_path
    answer = shrinkage("audit", f"{script}{function}", *options)
    assert answer.status == 2
    assert answer.out == ""
    assert words in answer.err
    assert answer.err.count("\n") == 1


def test_a_rule_that_is_none(tmp_path):
    refused(tmp_path, ("audit", "--explain", "no-efect"), "did you mean no-effect")


def test_a_script_that_is_not_there_or_trains_when_it_is_read(script, tmp_path):
    refused(tmp_path, ("audit", "code/nothing.py:f"), "which is not there")
    answer = shrinkage("audit", f"{script.replace('script', 'scripd')}:training_step")
    assert "did you mean audited_script" in answer.err
    (tmp_path / "reads.py").write_text("import sys\nsys.exit('usage: reads FILE')\n")
    answer = shrinkage("audit", "reads.py:training_step")
    assert answer.status == 2
    assert "under if __name__ == '__main__'" in answer.err
