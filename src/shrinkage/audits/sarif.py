"""A report as SARIF, which code review tools show beside the lines of a change.

Who uses this: `shrinkage audit --format sarif`. One result a finding; its place is the line that
it probably comes from, or else the training step that was audited.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) 2.1.0 with errata 01 (2023).
"""

from __future__ import annotations

from typing import Any

from shrinkage.audits.findings import Finding, Report
from shrinkage.audits.rules import RULES, Rule
from shrinkage.audits.source_lines import SourceLine

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif_of(report: Report, version: str = "") -> dict[str, Any]:
    """Return a report as a SARIF log: plain values, for JSON.

    Args:
        report: of an audit.
        version: of this library, as semantic versioning has it.

    >>> from shrinkage.audits.findings import finding, make_report
    >>> log = sarif_of(make_report([finding("no-effect", "", "nothing changes", "add the term")]))
    >>> log["version"], log["runs"][0]["results"][0]["ruleId"]
    ('2.1.0', 'no-effect')
    """
    driver = {
        "name": "shrinkage",
        **({"semanticVersion": version} if version else {}),
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True}],
        "results": [_result(said, report.step) for said in report.findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    text = f"{_sentence(rule.meaning)} Its cost: {rule.cost}"
    return {
        "id": rule.id,
        "shortDescription": {"text": _sentence(rule.meaning)},
        "fullDescription": {"text": text},
        "help": {
            "text": f"{text} More: {rule.link}, and shrinkage audit --explain {rule.id}",
            "markdown": f"{text}\n\nMore: <{rule.link}>, and `shrinkage audit --explain {rule.id}`",
        },
        "helpUri": rule.link,
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _result(said: Finding, step: SourceLine | None) -> dict[str, Any]:
    where = f"{said.parameter}: " if said.parameter else ""
    result: dict[str, Any] = {
        "ruleId": said.rule,
        "ruleIndex": list(RULES).index(said.rule),
        "level": LEVELS[said.severity],
        "message": {"text": f"{where}{_sentence(said.message)} What to do: {said.remedy}"},
    }
    location = _location(said, said.line or step)
    return {**result, "locations": [location]} if location else result


def _location(said: Finding, line: SourceLine | None) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if line is not None:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": line.uri},
            "region": {"startLine": line.line},
        }
    if said.parameter:
        location["logicalLocations"] = [{"fullyQualifiedName": said.parameter, "kind": "parameter"}]
    return location


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
