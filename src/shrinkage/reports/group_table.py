"""The score of each group of rows, as a table of texts and in a sentence.

Who uses this: the page, and the terminal.
"""

from __future__ import annotations

from shrinkage.drawing.text import MISSING, plain
from shrinkage.paths.results import PathResult
from shrinkage.reports.class_table import ClassTable
from shrinkage.reports.wording import ScoreWording, score_wording

SHOWN_GROUPS = 6
"""So many groups are told in the sentence, the worst first."""


def group_table(result: PathResult) -> ClassTable | None:
    """Return the table of the best model, or None where no groups were named."""
    if result.group_scores is None:
        return None
    wording, name = score_wording(result.score_name), plain(result.group_scores.column, 30)
    label = wording.label
    columns = (name, "rows of folds", f"{label} there", "test rows", f"test {label}")
    return ClassTable(
        columns,
        tuple(
            (
                plain(own.group, 30),
                f"{own.cv_rows:,}",
                _both(own.cv_score, own.cv_constant, wording),
                f"{own.test_rows:,}",
                _both(own.test_score, own.test_constant, wording),
            )
            for own in result.group_scores.groups
        ),
    )


def groups_sentence(result: PathResult) -> str:
    """Return the scores of the groups over the folds, the worst first, or nothing.

    >>> from dataclasses import replace
    >>> from shrinkage.paths.results import GroupScore, GroupScores
    >>> from shrinkage.reports.example import example_result
    >>> first = GroupScore("a", 9, 0.9, 0.5, 2, 1.0, 0.5)
    >>> second = GroupScore("b", 8, 0.7, 0.6, 0, None, None)
    >>> scores = GroupScores("site", (first, second))
    >>> groups_sentence(replace(example_result(), group_scores=scores))
    "By 'site', accuracy over the folds: 'b' 70.0 % (without inputs 60.0 %, 8 rows), 'a' 90.0 %
    (without inputs 50.0 %, 9 rows)."
    """
    if result.group_scores is None:
        return ""
    wording = score_wording(result.score_name)
    known = [own for own in result.group_scores.groups if own.cv_score is not None]
    worst = sorted(known, key=lambda own: own.cv_score or 0.0)
    parts = [
        f"{plain(own.group, 30)!r} {_text(own.cv_score, wording)} (without inputs "
        f"{_text(own.cv_constant, wording)}, {own.cv_rows:,} rows)"
        for own in worst[:SHOWN_GROUPS]
    ]
    if len(worst) > SHOWN_GROUPS:
        parts.append(f"{len(worst) - SHOWN_GROUPS} more at least as high")
    name = plain(result.group_scores.column, 30)
    told = ", ".join(parts) or "no group has one"
    return f"By {name!r}, {wording.label} over the folds: {told}."


def _both(score: float | None, constant: float | None, wording: ScoreWording) -> str:
    return f"{_text(score, wording)} ({_text(constant, wording)})"


def _text(score: float | None, wording: ScoreWording) -> str:
    return MISSING if score is None else wording.text(score)
