"""`assert_penalty_arrives`: a right loop passes, a wrong one fails readably; as a fixture too."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from torch import nn

from shrinkage import L2
from shrinkage.errors import InputError
from shrinkage.pytorch import assert_penalty_arrives, assert_regularized
from tests.processes import loaded_by

ROOT = Path(__file__).parents[2]
SUITE = """
import torch
from torch import nn
from shrinkage import L2


def step(factor):
    def training_step(model, optimizer, batch, scale):
        optimizer.zero_grad()
        penalty = scale * factor * 0.01 * model.weight.pow(2).sum() / 2
        (model(batch).pow(2).mean() + penalty).backward()
        optimizer.step()

    return training_step


def loop(factor):
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return model, optimizer, step(factor), torch.randn(8, 4)


def test_right(assert_penalty_arrives):
    assert assert_penalty_arrives(*loop(1), terms=0.01 * L2()).update == "gradient"


def test_wrong(assert_penalty_arrives):
    assert_penalty_arrives(*loop(2), terms=0.01 * L2())


def test_biases(assert_penalty_arrives):
    model, _, _, batch = loop(0)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1)

    def plain_step(model, optimizer, batch):
        optimizer.zero_grad()
        model(batch).pow(2).mean().backward()
        optimizer.step()

    (said,) = assert_penalty_arrives(model, optimizer, plain_step, batch).findings
    assert said.line.function == "test_biases"
"""


def loop(factor):
    def training_step(model, optimizer, batch, scale):
        optimizer.zero_grad()
        penalty = scale * factor * 0.01 * model.weight.pow(2).sum() / 2
        (model(batch).pow(2).mean() + penalty).backward()
        optimizer.step()

    return training_step


@pytest.fixture
def given():
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    return model, torch.optim.SGD(model.parameters(), lr=0.1), torch.randn(8, 4)


def test_right_and_wrong(given):
    model, optimizer, batch = given
    terms = 0.01 * L2()
    report = assert_penalty_arrives(model, optimizer, loop(1), batch, terms)
    assert report.ok
    with pytest.raises(AssertionError, match="wrong-factor"):
        assert_penalty_arrives(model, optimizer, loop(2), batch, terms)
    left = assert_penalty_arrives(model, optimizer, loop(2), batch, terms, ignore=["wrong-factor"])
    assert left.findings == ()


def test_warnings_count_on_demand(given):
    model, _, batch = given
    adam = torch.optim.Adam(model.parameters())
    assert assert_penalty_arrives(model, adam, loop(1), batch, 0.01 * L2()).ok
    with pytest.raises(AssertionError, match="coupled-through-adam"):
        assert_penalty_arrives(model, adam, loop(1), batch, 0.01 * L2(), warnings=True)


def test_an_unknown_rule_is_refused(given):
    model, optimizer, batch = given
    with pytest.raises(InputError, match="did you mean no-effect"):
        assert_penalty_arrives(model, optimizer, loop(1), batch, 0.01 * L2(), ignore=["no-efect"])


def test_the_text_of_a_failure_begins_with_what_is_wrong(given):
    model, optimizer, batch = given
    with pytest.raises(AssertionError) as failed:
        assert_penalty_arrives(model, optimizer, loop(2), batch, 0.01 * L2())
    lines = str(failed.value).splitlines()
    assert lines[0] == "not ok: 1 error"
    assert lines[1].startswith("error wrong-factor (weight)")
    assert lines[2].strip().startswith("at ")
    assert lines[-1].startswith("bias")


def test_the_old_name_says_the_new_one(given):
    model, optimizer, batch = given
    with pytest.warns(DeprecationWarning, match="assert_penalty_arrives"):
        assert assert_regularized(model, optimizer, loop(1), batch, terms=0.01 * L2()).ok


class TestPlugin:
    @pytest.mark.slow  # a pytest of its own, which imports torch
    def test_the_fixture_in_a_suite_of_ones_own(self, tmp_path):
        (tmp_path / "test_loop.py").write_text(SUITE)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "pytest_shrinkage"]
        options = ["-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "1 failed, 2 passed" in done.stdout
        failure = [line for line in done.stdout.splitlines() if line.startswith("E ")]
        assert failure[0].split() == ["E", "AssertionError:", "not", "ok:", "1", "error"]
        assert "error wrong-factor (weight)" in failure[1]
        assert "test_loop.py:10, in training_step" in failure[2]
        assert "asserting.py" not in done.stdout

    def test_loading_it_loads_nothing_of_the_library(self):
        heavy = {"numpy", "torch", "shrinkage"}
        assert not loaded_by("import pytest_shrinkage") & heavy

    def test_the_entry_point_is_the_module(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        points = project["project"]["entry-points"]["pytest11"]
        assert points == {"pytest_shrinkage": "pytest_shrinkage"}  # as `-p` would call it
        assert project["tool"]["setuptools"]["py-modules"] == ["pytest_shrinkage"]
        assert (ROOT / "src" / "pytest_shrinkage.py").is_file()
