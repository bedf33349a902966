"""A report in words: its table, its verdict, its findings.

Who uses this: `str(report)` and the command line, which adds colours.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shrinkage.audits.findings import Finding, Report, Seen
from shrinkage.audits.rules import SEVERITIES
from shrinkage.drawing.text import with_minus

COLUMNS = ("parameter", "shape", "expected", "seen", "factor", "most a step")
_NAMED = 4  # parameters of one finding that are named
_NEAR = 0.01  # numbers of findings that are told as one
_ROUNDING = re.compile(r" ± [\d.e+-]+\d")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\w)")


def report_text(report: Report) -> str:
    """Return everything, for a terminal or a log."""
    table = [*_table(report.seen), ""] if report.seen else []
    return "\n".join([*table, *_verdict_and_findings(report)])


def failure_text(report: Report) -> str:
    """Return everything with what is wrong first, for the failure of a test."""
    table = ["", *_table(report.seen)] if report.seen else []
    return "\n".join([*_verdict_and_findings(report), *table])


def _verdict_and_findings(report: Report) -> Iterator[str]:
    yield verdict_text(report)
    for _, head, *below in findings_text(report.findings):
        yield head
        yield from (f"  {line}" for line in below)


def cells_of(seen: Seen) -> tuple[str, ...]:
    """Return one row of the table."""
    factor = "-"
    if seen.factor is not None:
        factor = with_minus(f"{seen.factor:.4g} ± {seen.error or 0:.1g}")
    shape = "x".join(map(str, seen.shape)) or "-"
    farthest = "-" if seen.farthest is None else f"{seen.farthest:.3g}"
    return seen.parameter, shape, seen.expected or "-", seen.mechanism, factor, farthest


def columns_of(seen: Iterable[Seen]) -> tuple[str, ...]:
    """Return the columns of a table: the last one where a prox has a bound."""
    bounded = any(one.farthest is not None for one in seen)
    return COLUMNS if bounded else COLUMNS[:-1]


def verdict_text(report: Report) -> str:
    """Return the answer in a line.

    >>> verdict_text(Report(()))
    'no error found'
    """
    counts = [
        f"{count} {severity if severity == 'info' or count == 1 else severity + 's'}"
        for severity in SEVERITIES
        if (count := sum(finding.severity == severity for finding in report.findings))
    ]
    if not report.ok:
        return f"not ok: {', '.join(counts)}"
    rest = f"; {', '.join(counts)}" if counts else ""
    if report.update is None:
        return f"no error found{rest}"
    frozen = "selected-but-frozen" in report.rules
    where = "on the intended parameters that train" if frozen else "on the intended parameters"
    what = "what `scale` multiplies" if report.only_scaled else "the penalty"
    beyond = "; a penalty that it does not multiply would not be seen" if report.only_scaled else ""
    updates = report.update.split(" + ")
    by = f"the update{'s' * (len(updates) > 1)} {' and '.join(map(repr, updates))}"
    return f"ok: {what} arrives once, {where}, by {by}{beyond}{rest}"


def findings_text(findings: Iterable[Finding]) -> Iterator[tuple[str, ...]]:
    """Yield severity, what was found, and below it where and what to do.

    There is one entry where several parameters have the same, up to what a hundredth of a number
    is and to the roundings behind ±.
    """
    groups: list[tuple[_Said, Finding, list[str]]] = []
    for finding in findings:
        said = _Said.of(finding)
        names = next((names for first, _, names in groups if said.is_like(first)), None)
        if names is None:
            groups.append((said, finding, [finding.parameter]))
        else:
            names.append(finding.parameter)
    for _, finding, names in groups:
        where = ", ".join(filter(None, names[:_NAMED]))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        parameters = f" ({where}{more})" if where else ""
        message = finding.message if len(names) < 2 else _ROUNDING.sub("", finding.message)
        yield (
            finding.severity,
            f"{finding.severity} {finding.rule}{parameters}: {message}",
            *([] if finding.line is None else [f"at {finding.line}"]),
            f"→ {finding.remedy}",
        )


@dataclass(frozen=True)
class _Said:
    """What a finding says beside its parameter: the words, and the numbers among them."""

    words: tuple[Any, ...]
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, finding: Finding) -> _Said:
        text = _ROUNDING.sub("", f"{finding.message} → {finding.remedy}")
        words = (finding.rule, finding.severity, finding.line, _NUMBER.sub("#", text))
        return cls(words, tuple(map(float, _NUMBER.findall(text))))

    def is_like(self, other: _Said) -> bool:
        pairs = zip(self.numbers, other.numbers, strict=False)
        return self.words == other.words and all(math.isclose(*p, rel_tol=_NEAR) for p in pairs)


def _table(seen: tuple[Seen, ...]) -> list[str]:
    columns = columns_of(seen)
    body = [columns, *(cells_of(one)[: len(columns)] for one in seen)]
    widths = [max(map(len, column)) for column in zip(*body, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in body]
