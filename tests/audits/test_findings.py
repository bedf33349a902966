"""Reports: rule ids, order, text for people, plain values for machines."""

from __future__ import annotations

import dataclasses
import json

import pytest

from shrinkage.audits import RULES, Finding, Report, Seen
from shrinkage.audits.findings import finding, make_report
from shrinkage.audits.rules import SEVERITIES

# The ids of the design and of the issue: a test suite may ask for them by name.
PUBLISHED = [
    "no-effect",
    "selected-unchanged",
    "unselected-changed",
    "wrong-factor",
    "double-counted",
    "wrong-direction",
    "not-repeatable",
    "not-finite",
    "below-resolution",
    "cannot-judge",
    "collapse",
    "bias-or-norm-penalised",
    "pattern-matches-nothing",
    "not-in-optimizer",
    "decays-without-gradient",
    "coupled-through-adam",
    "penalised-twice",
    "scale-invariant",
    "frozen-but-decays",
    "amp-unscaled",
    "accumulation-multiplied",
]

MISSED = finding("selected-unchanged", "b.weight", "does not arrive", "look at the list")
SCALES = finding("scale-invariant", "a.weight", "its size does not matter", "leave it out")
UNKNOWN = finding("cannot-judge", "c.weight", "hidden", "return gradients")
WRONG = finding("wrong-factor", "a.weight", "arrives 2 times", "multiply by 0.5")
SEEN = (
    Seen("a.weight", (3, 2), "0.1 * L2()", "gradient", 2.00012345, 3e-7),
    Seen("b", (), "", "nothing"),
)


def test_the_published_ids_exist() -> None:
    assert set(PUBLISHED) <= set(RULES)
    assert all(rule.id == name and rule.meaning for name, rule in RULES.items())
    assert all(rule.severity in SEVERITIES for rule in RULES.values())
    assert SEVERITIES == ("error", "warning", "info")


@pytest.mark.parametrize("rule", RULES)
def test_a_finding_has_the_severity_of_its_rule(rule: str) -> None:
    assert finding(rule, "w", "m", "r").severity == RULES[rule].severity
    assert finding(rule, "w", "m", "r", severity="info").severity == "info"


def test_records_are_frozen() -> None:
    for record, field in ((MISSED, "rule"), (SEEN[0], "factor"), (Report(()), "update")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, field, "other")


def test_worst_first_then_as_the_rules_are_listed() -> None:
    report = make_report([UNKNOWN, SCALES, WRONG, MISSED])
    assert report.findings == (MISSED, WRONG, SCALES, UNKNOWN)
    assert report.rules == ("selected-unchanged", "wrong-factor", "scale-invariant", "cannot-judge")
    soft = dataclasses.replace(MISSED, severity="info")
    assert make_report([UNKNOWN, soft, WRONG]).findings == (WRONG, soft, UNKNOWN)


def test_findings_of_one_rule_stay_in_the_order_of_the_parameters() -> None:
    many = [dataclasses.replace(WRONG, parameter=name) for name in "cab"]
    assert [one.parameter for one in make_report(many).findings] == ["c", "a", "b"]
    assert make_report(many).rules == ("wrong-factor",)


@pytest.mark.parametrize(
    ("findings", "ok"),
    [([], True), ([UNKNOWN], True), ([SCALES, UNKNOWN], True), ([SCALES, WRONG], False)],
)
def test_ok_is_no_error(findings: list[Finding], ok: bool) -> None:
    assert make_report(findings).ok is ok


def test_plain_values_for_machines() -> None:
    report = make_report([SCALES, WRONG], SEEN, "gradient")
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["ok"] is False
    assert plain["update"] == "gradient"
    assert [Finding(**finding) for finding in plain["findings"]] == [WRONG, SCALES]
    assert plain["parameters"][0] == {
        "parameter": "a.weight",
        "shape": [3, 2],
        "expected": "0.1 * L2()",
        "mechanism": "gradient",
        "factor": 2.00012345,
        "error": 3e-7,
        "farthest": None,
    }
    assert plain["parameters"][1]["factor"] is None


def test_the_table_for_people() -> None:
    lines = str(make_report([WRONG], SEEN)).splitlines()
    assert lines[:3] == [
        "parameter  shape  expected    seen      factor",
        "a.weight   3x2    0.1 * L2()  gradient  2 ± 3e-07",
        "b          -      -           nothing   -",
    ]
    assert lines[3:] == [
        "",
        "not ok: 1 error",
        "error wrong-factor (a.weight): arrives 2 times",
        "  → multiply by 0.5",
    ]


def test_what_differs_in_the_parameter_only_is_said_once() -> None:
    many = [dataclasses.replace(SCALES, parameter=f"layer{number}") for number in range(6)]
    text = str(make_report([*many, WRONG, MISSED]))
    assert "not ok: 2 errors, 6 warnings" in text
    assert "(layer0, layer1, layer2, layer3 and 2 more)" in text
    assert text.count("its size does not matter") == 1
    assert text.count("→") == 3


def test_what_a_good_report_says() -> None:
    text = str(make_report([], SEEN, "proximal"))
    assert "ok: the penalty arrives once, on the intended parameters, by the update" in text
    assert "'proximal'" in text
    assert str(make_report([UNKNOWN])).startswith("no error found; 1 info\ninfo cannot-judge")
    assert str(make_report([])) == "no error found"
