"""`shrinkage audit`: its table, its JSON, its exit status, and what it refuses."""

from __future__ import annotations

import itertools
import json

import pytest

from shrinkage.exits import lacks_memory
from tests.cli.command_line import shrinkage

NUMBERS = itertools.count()
PROGRAM = """
import torch
from torch import nn
from shrinkage import L2

def training_step(model, optimizer, batch, scale):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    (loss + scale * {penalty}).backward()
    optimizer.step()

def healthy():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = torch.randn(8, 5), torch.randint(0, 3, (8,))
    return model, optimizer, training_step, batch, 0.01 * L2()

def without_terms():
    return healthy()[:4]

def raising():
    raise KeyError("no data")

def three():
    return healthy()[:3]

def failing():
    def step(model, optimizer, batch):
        raise RuntimeError("shapes do\\nnot fit")
    return *healthy()[:2], step, *healthy()[3:]

number = 3
"""
RIGHT = "0.005 * (model[0].weight.pow(2).sum() + model[2].weight.pow(2).sum())"
TWICE = "0.01 * (model[0].weight.pow(2).sum() + model[2].weight.pow(2).sum())"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write a module with the loop, named anew each time, and return its name."""

    def write(penalty: str = RIGHT) -> str:
        name = f"audited_program_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(PROGRAM.format(penalty=penalty))
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        return name

    return write


def test_a_right_loop_is_ok_and_its_table_has_the_factors(program):
    answer = shrinkage("audit", f"{program()}:healthy")
    assert answer.status == 0, answer.err
    assert "ok: the penalty arrives once" in answer.out
    assert answer.out.count("1 ± ") == 2
    assert answer.err == ""


def test_an_error_is_status_1_and_named(program):
    answer = shrinkage("audit", f"{program(TWICE)}:healthy")
    assert answer.status == 1
    assert "error wrong-factor (0.weight" in answer.out
    assert "whole square" in answer.out


def test_json_is_all_of_the_report(program):
    answer = shrinkage("audit", f"{program(TWICE)}:healthy", "--json")
    found = json.loads(answer.out)
    assert answer.status == 1
    assert found["ok"] is False
    assert {one["rule"] for one in found["findings"]} == {"wrong-factor"}
    factors = {one["parameter"]: one["factor"] for one in found["parameters"]}
    assert factors["0.weight"] == pytest.approx(2, abs=1e-3)
    assert factors["0.bias"] is None


def test_ignored_rules_do_not_count(program):
    answer = shrinkage("audit", f"{program(TWICE)}:healthy", "--ignore", "wrong-factor")
    assert answer.status == 0
    assert "wrong-factor" not in answer.out


def test_update_is_judged(program):
    answer = shrinkage("audit", f"{program()}:healthy", "--update", "proximal")
    assert answer.status == 1
    assert "wrong-update" in answer.out


def test_rules_are_listed():
    from shrinkage.audits import RULES

    answer = shrinkage("audit", "--rules")
    assert answer.status == 0
    assert all(rule in answer.out for rule in RULES)


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        ("healty", (), "did you mean healthy?"),
        ("number", (), "has no function 'number'"),
        ("raising", (), "raised KeyError: 'no data'"),
        ("failing", (), ", in step: shapes do not fit"),
        ("three", (), "got 3 values: return four or five"),
        ("without_terms", (), "give terms="),
        ("healthy", ("--ignore", "wrong-facter"), "did you mean wrong-factor"),
        ("healthy", ("--update", "proxmal"), "proximal"),
    ],
)
def test_bad_input_is_one_line_and_status_2(program, function, options, words):
    answer = shrinkage("audit", f"{program()}:{function}", *options)
    assert answer.status == 2
    assert words in answer.err
    assert len(answer.err.strip().splitlines()) == 1


@pytest.mark.parametrize("path", ["nowhere_at_all:f", "math", ":f"])
def test_a_module_that_is_not_there(path):
    answer = shrinkage("audit", path)
    assert answer.status == 2
    assert answer.err.startswith("error: ")


def test_an_error_that_was_raised_from_itself_has_an_end():
    error = RuntimeError("shapes do not fit")
    error.__cause__ = error
    assert not lacks_memory(error)
