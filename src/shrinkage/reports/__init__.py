"""From a `PathResult` to what a person reads: a sentence, a table, pictures, one page.

Who uses this: the command line and `PathResult`'s own methods. It promises that nothing here
trains, that every picture is first computed as data (`figures/`) and then drawn (`draw.py`), so
that page and PNG cannot disagree, and that the same result gives the same bytes. Sentence and
table need NumPy only; drawing and the page load matplotlib and jinja2 when they are called.
"""

from __future__ import annotations

from shrinkage.reports.figures import all_figures
from shrinkage.reports.sentence import summary_sentence
from shrinkage.reports.table import PathRow, path_table, text_table
from shrinkage.reports.write import score_plot, write_page, write_report

__all__ = [
    "PathRow",
    "all_figures",
    "path_table",
    "score_plot",
    "summary_sentence",
    "text_table",
    "write_page",
    "write_report",
]
