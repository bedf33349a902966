"""What an audit found, and the report that holds it.

Who uses this: every audit returns a `Report`; the command line and test suites read it. Both are
frozen records of plain values, and `str(report)` is for people.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from shrinkage.audits.rules import RULES, SEVERITIES
from shrinkage.errors import InputError, near_names

if TYPE_CHECKING:
    from shrinkage.audits.judging.causes import Cause
    from shrinkage.audits.source_lines import SourceLine


@dataclass(frozen=True)
class Finding:
    """One finding: a rule of `RULES`, how bad it is, where, what was seen, and what to do.

    `cause` is what a `wrong-factor` likely comes from; `line` the line of code that the finding
    probably comes from, None where that is not known.
    """

    rule: str
    severity: str
    parameter: str
    message: str
    remedy: str
    cause: Cause | None = field(default=None, repr=False)
    line: SourceLine | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Seen:
    """What was measured of one parameter: the mechanism and its factor (1 is right).

    `farthest` is the most that a prox takes from a weight in one step, None where it has no bound.
    """

    parameter: str
    shape: tuple[int, ...]
    expected: str
    mechanism: str
    factor: float | None = None
    error: float | None = None
    farthest: float | None = None


@dataclass(frozen=True)
class Report:
    """The findings of an audit, worst first, and what was measured of each parameter.

    `step` is where the training step that was audited begins, None where that is not known.
    `only_scaled` says that a penalty which no `scale` multiplies, alike in every run, would not
    have been seen.
    """

    findings: tuple[Finding, ...]
    seen: tuple[Seen, ...] = ()
    update: str | None = None
    step: SourceLine | None = field(default=None, repr=False)
    only_scaled: bool = False

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity != "error" for finding in self.findings)

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of what was found, each once."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON; `REPORT_SCHEMA` describes them."""
        return {
            "ok": self.ok,
            "update": self.update,
            "only_scaled": self.only_scaled,
            "step": None if self.step is None else self.step.to_dict(),
            "findings": [_said(finding) for finding in self.findings],
            "parameters": [_plain(seen) for seen in self.seen],
        }

    def without(self, rules: Iterable[str]) -> Report:
        """Return the report without the findings of some rules.

        Raises:
            InputError: an unknown rule.
        """
        left_out = set(rules)
        for rule in sorted(left_out - set(RULES)):
            hint = near_names(rule, RULES) or f"the rules are {', '.join(RULES)}"
            raise InputError(f"expected rules of the audit, got {rule!r}: {hint}")
        return replace(self, findings=tuple(f for f in self.findings if f.rule not in left_out))

    def __str__(self) -> str:
        from shrinkage.audits.wording import report_text

        return report_text(self)


_SAID = ("rule", "severity", "parameter", "message", "remedy")


def _said(finding: Finding) -> dict[str, Any]:
    line = None if finding.line is None else finding.line.to_dict()
    return {**{key: getattr(finding, key) for key in _SAID}, "line": line}


def _plain(seen: Seen) -> dict[str, Any]:
    """Return a record for JSON, which has no infinity."""
    numbers = {name: getattr(seen, name) for name in ("factor", "error", "farthest")}
    finite = {name: x if x is None or math.isfinite(x) else None for name, x in numbers.items()}
    return asdict(seen) | {"shape": list(seen.shape)} | finite


def finding(
    rule: str,
    parameter: str,
    message: str,
    remedy: str,
    *,
    severity: str | None = None,
    cause: Cause | None = None,
) -> Finding:
    """Return a finding with the severity of its rule.

    >>> finding("no-effect", "", "nothing changes", "add the term").severity
    'error'
    """
    severity = severity or RULES[rule].severity
    return Finding(rule, severity, parameter, message, remedy, cause)


def make_report(
    findings: Iterable[Finding],
    seen: Iterable[Seen] = (),
    update: str | None = None,
    *,
    only_scaled: bool = False,
) -> Report:
    """Return a report with its findings in order: errors first, then as the rules are listed."""
    order = {rule: number for number, rule in enumerate(RULES)}

    def rank(finding: Finding) -> tuple[int, int]:
        return SEVERITIES.index(finding.severity), order[finding.rule]

    ordered = tuple(sorted(findings, key=rank))
    return Report(ordered, tuple(seen), update, only_scaled=only_scaled)
