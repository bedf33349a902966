"""A report in words: its table, its verdict, its findings.

Who uses this: `str(report)` and the command line, which adds colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shrinkage.audits.findings import Finding, Report, Seen
from shrinkage.audits.rules import SEVERITIES

COLUMNS = ("parameter", "shape", "expected", "seen", "factor")
_NAMED = 4  # parameters of one finding that are named


def report_text(report: Report) -> str:
    """Return everything, for a terminal or a log."""
    lines = [*_table(report.seen), verdict_text(report)]
    for _, head, remedy in findings_text(report.findings):
        lines += [head, f"  → {remedy}"]
    return "\n".join(lines)


def cells_of(seen: Seen) -> tuple[str, ...]:
    """Return one row of the table."""
    factor = "-" if seen.factor is None else f"{seen.factor:.4g} ± {seen.error or 0:.1g}"
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


def findings_text(findings: Iterable[Finding]) -> Iterator[tuple[str, str, str]]:
    """Yield (severity, what was found, what to do); one entry where only the parameter differs."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for finding in findings:
        key = (finding.severity, finding.rule, finding.message, finding.remedy)
        groups.setdefault(key, []).append(finding.parameter)
    for (severity, rule, message, remedy), names in groups.items():
        where = ", ".join(filter(None, names[:_NAMED]))
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield (
            severity,
            f"{severity} {rule}{f' ({where}{more})' if where else ''}: {message}",
            remedy,
        )


def _table(seen: tuple[Seen, ...]) -> list[str]:
    if not seen:
        return []
    body = [COLUMNS, *map(cells_of, seen)]
    widths = [max(map(len, column)) for column in zip(*body, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in body] + [""]
