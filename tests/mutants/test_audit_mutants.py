"""The audit finds every seeded fault under its rule, and no error in any correct loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shrinkage.audits.rules import RULES
from tests.mutants.audit_faults import FAULTS, Fault, Loop
from tests.mutants.audit_loops import LOOPS


def names(records: Sequence[Any]) -> list[str]:
    return [record.name for record in records]


@pytest.mark.parametrize("fault", FAULTS, ids=names(FAULTS))
def test_fault_is_found(fault: Fault) -> None:
    report = fault.build()()
    found = [finding for finding in report.findings if finding.rule in fault.rules]
    assert found, f"expected {' or '.join(fault.rules)}, got:\n{report}"
    if fault.severity == "error":
        assert not report.ok, str(report)
        assert any(finding.severity == "error" for finding in found), str(report)
    else:
        assert any(finding.severity in ("error", "warning") for finding in found), str(report)


@pytest.mark.parametrize("loop", LOOPS, ids=names(LOOPS))
def test_loop_has_no_error(loop: Loop) -> None:
    report = loop.build()()
    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert report.ok, str(report)
    assert not errors, str(report)


def test_there_are_enough_of_both() -> None:
    reported = [fault for fault in FAULTS if fault.source]
    assert len(FAULTS) + len(LOOPS) > 300
    assert len(reported) >= 60


def test_names_are_used_once() -> None:
    every = names(FAULTS) + names(LOOPS)
    assert len(set(every)) == len(every)


def test_faults_are_over_every_framework() -> None:
    assert {fault.framework for fault in FAULTS} == {"numpy", "pytorch", "keras", "jax"}


def test_rules_are_the_audits_own() -> None:
    assert {rule for fault in FAULTS for rule in fault.rules} <= set(RULES)


def test_every_rule_but_the_shrug_has_a_fault() -> None:
    best = {fault.rules[0] for fault in FAULTS}
    assert set(RULES) - best == {"cannot-judge"}


def test_sources_are_links_to_threads() -> None:
    sources = [fault.source for fault in FAULTS if fault.source]
    assert all(source.startswith("https://github.com/") for source in sources)
    assert all("/issues/" in source or "/pull/" in source for source in sources)
