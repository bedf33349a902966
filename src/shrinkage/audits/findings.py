"""What an audit found, and the report that holds it.

Who uses this: every audit returns a `Report`; the command line and test suites read it. Both are
frozen records of plain values, and `str(report)` is for people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from shrinkage.audits.rules import RULES, SEVERITIES


@dataclass(frozen=True)
class Finding:
    """One finding: a rule of `RULES`, how bad it is, where, what was seen, and what to do."""

    rule: str
    severity: str
    parameter: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Seen:
    """What was measured of one parameter: the mechanism and its factor (1 is right)."""

    parameter: str
    shape: tuple[int, ...]
    expected: str
    mechanism: str
    factor: float | None = None
    error: float | None = None


@dataclass(frozen=True)
class Report:
    """The findings of an audit, worst first, and what was measured of each parameter."""

    findings: tuple[Finding, ...]
    seen: tuple[Seen, ...] = ()
    update: str | None = None

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity != "error" for finding in self.findings)

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of what was found, each once."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "ok": self.ok,
            "update": self.update,
            "findings": [asdict(finding) for finding in self.findings],
            "parameters": [asdict(seen) | {"shape": list(seen.shape)} for seen in self.seen],
        }

    def __str__(self) -> str:
        return "\n".join([*_table(self.seen), *_verdict(self), *_paragraphs(self.findings)])


def finding(
    rule: str, parameter: str, message: str, remedy: str, *, severity: str | None = None
) -> Finding:
    """Return a finding with the severity of its rule.

    >>> finding("no-effect", "", "nothing changes", "add the term").severity
    'error'
    """
    return Finding(rule, severity or RULES[rule].severity, parameter, message, remedy)


def make_report(
    findings: Iterable[Finding], seen: Iterable[Seen] = (), update: str | None = None
) -> Report:
    """Return a report with its findings in order: errors first, then as the rules are listed."""
    order = {rule: number for number, rule in enumerate(RULES)}

    def rank(one: Finding) -> tuple[int, int]:
        return SEVERITIES.index(one.severity), order[one.rule]

    return Report(tuple(sorted(findings, key=rank)), tuple(seen), update)


def _table(seen: tuple[Seen, ...]) -> list[str]:
    head = ("parameter", "shape", "expected", "seen", "factor")
    body = [
        (
            one.parameter,
            "x".join(map(str, one.shape)) or "-",
            one.expected or "-",
            one.mechanism,
            "-" if one.factor is None else f"{one.factor:.4g} ± {one.error or 0:.1g}",
        )
        for one in seen
    ]
    if not body:
        return []
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in (head, *body)] + [""]


def _verdict(report: Report) -> list[str]:
    counts = [
        f"{count} {severity if severity == 'info' or count == 1 else severity + 's'}"
        for severity in SEVERITIES
        if (count := sum(one.severity == severity for one in report.findings))
    ]
    how = f" by the update {report.update!r}" if report.update else ""
    if not report.ok:
        return [f"not ok: {', '.join(counts)}"]
    rest = f"; {', '.join(counts)}" if counts else ""
    if report.update is None:
        return [f"no error found{rest}"]
    return [f"ok: the penalty arrives once, on the intended parameters,{how}{rest}"]


def _paragraphs(findings: tuple[Finding, ...]) -> list[str]:
    """Return the findings, those that differ in their parameter only as one."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for one in findings:
        key = (one.severity, one.rule, one.message, one.remedy)
        groups.setdefault(key, []).append(one.parameter)
    lines = []
    for (severity, rule, message, remedy), names in groups.items():
        where = ", ".join(filter(None, names[:4]))
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        lines.append(f"{severity} {rule}{f' ({where}{more})' if where else ''}: {message}")
        lines.append(f"  → {remedy}")
    return lines
