"""A report in words: its table, its verdict, its findings.

Who uses this: `str(report)` and the command line, which adds colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from shrinkage.audits.findings import Finding, Report, Seen
from shrinkage.audits.rules import SEVERITIES
from shrinkage.drawing.text import with_minus

COLUMNS = ("parameter", "shape", "expected", "seen", "factor")
_NAMED = 4  # parameters of one finding that are named


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
    return seen.parameter, shape, seen.expected or "-", seen.mechanism, factor


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
    return f"ok: the penalty arrives once, {where}, by the update {report.update!r}{rest}"


def findings_text(findings: Iterable[Finding]) -> Iterator[tuple[str, ...]]:
    """Yield severity, what was found, and below it where and what to do.

    There is one entry where only the parameter differs.
    """
    groups: dict[Finding, list[str]] = {}
    for finding in findings:
        alike = replace(finding, parameter="", cause=None)
        groups.setdefault(alike, []).append(finding.parameter)
    for finding, names in groups.items():
        where = ", ".join(filter(None, names[:_NAMED]))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        parameters = f" ({where}{more})" if where else ""
        yield (
            finding.severity,
            f"{finding.severity} {finding.rule}{parameters}: {finding.message}",
            *([] if finding.line is None else [f"at {finding.line}"]),
            f"→ {finding.remedy}",
        )


def _table(seen: tuple[Seen, ...]) -> list[str]:
    body = [COLUMNS, *map(cells_of, seen)]
    widths = [max(map(len, column)) for column in zip(*body, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in body]
