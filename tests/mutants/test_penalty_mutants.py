"""The battery catches every seeded fault, under the name of the check that should."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shrinkage.penalties import Penalty, PenaltyCheckFailed, check_penalty
from shrinkage.penalties.checks import CHECKS
from tests.mutants.penalty_faults import FAULTS


@pytest.mark.parametrize(("mutant", "check"), FAULTS, ids=lambda case: type(case).__name__)
def test_fault_is_caught(mutant: Penalty, check: str) -> None:
    with pytest.raises(PenaltyCheckFailed) as caught:
        check_penalty(mutant)
    assert caught.value.check == check, str(caught.value)
    assert "Error: " not in str(caught.value), "caught only because the fault raises"


def test_every_check_catches_something() -> None:
    assert {check for _, check in FAULTS} == set(CHECKS)


WITHOUT_ASSERTIONS = """
from shrinkage.penalties import PenaltyCheckFailed, check_penalty
from tests.mutants.penalty_faults import FAULTS

assert False, "assertions are on"
for mutant, check in FAULTS:
    try:
        check_penalty(mutant)
        print(type(mutant).__name__, "passed")
    except PenaltyCheckFailed as failed:
        print(type(mutant).__name__, failed.check)
"""


def test_every_fault_is_caught_without_assertions() -> None:
    command = [sys.executable, "-O", "-c", WITHOUT_ASSERTIONS]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = [f"{type(mutant).__name__} {check}" for mutant, check in FAULTS]
    assert done.stdout.splitlines() == expected
