"""What is said: the text and the remedy of every finding, and a report in words.

Who uses this: `judging`, which decides what is said; the command line, which adds colours.
"""

from __future__ import annotations

from shrinkage.audits.wording.report import (
    cells_of,
    columns_of,
    failure_text,
    findings_text,
    report_text,
    verdict_text,
)

__all__ = ["cells_of", "columns_of", "failure_text", "findings_text", "report_text", "verdict_text"]
