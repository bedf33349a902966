"""Reports as JSON and SARIF: as their schemas say, with nothing lost."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from shrinkage.audits import RULES, Finding, Report, Seen
from shrinkage.audits.findings import finding, make_report
from shrinkage.audits.sarif import sarif_of
from shrinkage.audits.schema import REPORT_SCHEMA
from shrinkage.audits.source_lines import SourceLine
from tests.audits.sarif_essentials import faults_of

BUILT = SourceLine("/elsewhere/my loops/train.py", 7, "main")
STEP = SourceLine("train.py", 3, "training_step")
FINDINGS = (
    Finding("wrong-factor", "error", "0.weight", "arrives 2 times", "halve it", None, STEP),
    Finding("scale-invariant", "warning", "1.weight", "no effect", "leave it out", None, BUILT),
    Finding("cannot-judge", "info", "", "hidden", "return gradients"),
)
SEEN = (
    Seen("0.weight", (3, 2), "0.1 * L2()", "gradient", 2.0, float("inf")),
    Seen("b", (), "", "nothing"),
)
FULL = Report(FINDINGS, SEEN, "gradient", STEP)
EMPTY = make_report([])
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": int | float,
    "null": type(None),
}


def mismatches(value: Any, schema: dict[str, Any], place: str = "") -> list[str]:
    """Return where a value is not as a schema says; the keywords that `REPORT_SCHEMA` uses."""
    if "anyOf" in schema:
        branches = [mismatches(value, branch, place) for branch in schema["anyOf"]]
        return [] if [] in branches else branches[0]
    kind = TYPES[schema["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return [f"{place} is {type(value).__name__}"]
    wrong = [f"{place} lacks {key}" for key in schema.get("required", ()) if key not in value]
    if isinstance(value, dict):
        known = schema["properties"]
        wrong += [f"{place}.{key} is not documented" for key in value if key not in known]
        for key in value.keys() & known.keys():
            wrong += mismatches(value[key], known[key], f"{place}.{key}")
    if isinstance(value, list):
        for number, item in enumerate(value):
            wrong += mismatches(item, schema["items"], f"{place}[{number}]")
    if "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{place} is {value!r}")
    if "minimum" in schema and value < schema["minimum"]:
        wrong.append(f"{place} is {value!r}")
    return wrong


@pytest.mark.parametrize("report", [FULL, EMPTY], ids=["full", "empty"])
def test_json_is_as_its_schema_says(report):
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert mismatches(plain, REPORT_SCHEMA) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plain: plain.pop("update"),
        lambda plain: plain["findings"][0].update(rule="wrong-facter"),
        lambda plain: plain["findings"][0]["line"].update(line=0),
        lambda plain: plain.update(extra=1),
    ],
)
def test_the_check_of_json_sees_a_fault(spoil):
    plain = FULL.to_dict()
    spoil(plain)
    assert mismatches(plain, REPORT_SCHEMA)


@pytest.mark.parametrize("report", [FULL, EMPTY], ids=["full", "empty"])
def test_sarif_is_as_the_standard_says(report):
    assert faults_of(json.loads(json.dumps(sarif_of(report), allow_nan=False))) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: run.pop("tool"),
        lambda run: run["results"][0].update(level="info"),
        lambda run: run["results"][0].pop("message"),
        lambda run: run["results"][0].update(rule="wrong-factor"),
        lambda run: run["results"][0]["locations"][0]["physicalLocation"].pop("artifactLocation"),
        lambda run: run["tool"]["driver"]["rules"][0].update(helpUri="audits.md"),
    ],
)
def test_the_check_of_sarif_sees_a_fault(spoil):
    log = copy.deepcopy(sarif_of(FULL))
    spoil(log["runs"][0])
    assert faults_of(log)


def test_sarif_has_rules_levels_and_places():
    run = sarif_of(FULL)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert all(RULES[rule["id"]].cost in rule["help"]["text"] for rule in rules)
    results = run["results"]
    assert [result["level"] for result in results] == ["error", "warning", "note"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in results)
    places = [result["locations"][0]["physicalLocation"] for result in results]
    assert places[0]["artifactLocation"]["uri"] == "train.py"
    assert places[1]["artifactLocation"]["uri"] == "file:///elsewhere/my%20loops/train.py"
    assert [place["region"]["startLine"] for place in places] == [3, 7, 3]
    assert results[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "0.weight"


def test_a_finding_without_a_place_has_none():
    report = make_report([Finding("cannot-judge", "info", "", "hidden", "return gradients")])
    assert "locations" not in sarif_of(report)["runs"][0]["results"][0]


def test_every_rule_says_what_it_costs_and_where_to_read_on():
    for rule in RULES.values():
        assert rule.cost.endswith(".")
        assert rule.cost[0].isupper()
        assert rule.link.startswith("https://")


def _off(parameter: str, factor: str, remedy: str = "0.5") -> Finding:
    message = f"0.1 * L2() arrives {factor} times; likely the whole square"
    return finding("wrong-factor", parameter, message, f"multiply the strength by {remedy}")


def test_what_several_parameters_have_is_told_once() -> None:
    report = make_report(
        [
            _off("0.weight", "2 ± 3e-06"),
            _off("2.weight", "2.001 ± 4e-03", "0.4998"),
            _off("4.weight", "4 ± 4e-06", "0.25"),
        ]
    )
    text = str(report)
    assert text.count("wrong-factor") == 2
    assert "error wrong-factor (0.weight, 2.weight): 0.1 * L2() arrives 2 times; likely" in text
    assert "error wrong-factor (4.weight): 0.1 * L2() arrives 4 ± 4e-06 times; likely" in text
    assert [said["parameter"] for said in report.to_dict()["findings"]] == [
        "0.weight",
        "2.weight",
        "4.weight",
    ]
    assert "± 3e-06" in report.to_dict()["findings"][0]["message"]


def test_names_and_lengths_in_a_message_are_no_numbers() -> None:
    rows = "{} of 9 rows are not in the batch"
    report = make_report(
        [
            finding("decays-without-gradient", "a", rows.format(3), "leave them out"),
            finding("decays-without-gradient", "b", rows.format(4), "leave them out"),
            finding("no-effect", "", "nothing reaches 0.weight", "add it"),
            finding("no-effect", "", "nothing reaches 0.001.weight", "add it"),
        ]
    )
    assert str(report).count("decays-without-gradient") == 2
    assert str(report).count("no-effect") == 2
