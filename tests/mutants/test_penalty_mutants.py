"""The battery catches every seeded fault, under the name of the check that should."""

from __future__ import annotations

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
