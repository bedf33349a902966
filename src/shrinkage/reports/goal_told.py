"""What a goal chose, in sentences: how small, and what that costs in score, with its error.

Who uses this: the head of the page and the last line of the command line, in the place of the
sentence about a strength.
"""

from __future__ import annotations

import numpy as np

from shrinkage.drawing.text import plain
from shrinkage.paths.results import ChosenModel, PathResult
from shrinkage.paths.results.goal import GOAL, GoalRecord
from shrinkage.reports.reading import chosen_or_none
from shrinkage.reports.wording import ScoreWording, score_wording

MOST_COLUMNS = 12
"""So many kept columns are named; a file has all."""


def goal_sentence(result: PathResult) -> str:
    """Return what the goal chose and what it costs, or nothing where there was no goal.

    >>> from shrinkage.reports.example import example_result
    >>> goal_sentence(example_result())
    ''
    """
    model, record = chosen_or_none(result, GOAL), result.goal
    if record is None or model is None or model.index is None:
        return ""
    wording = score_wording(result.score_name)
    sentences = (
        f"Goal {plain(record.text, 40)}: {_small(record, model.index)}.",
        _columns(record),
        _scores(result, model, wording),
        _cost(result, wording),
    )
    return " ".join(sentence for sentence in sentences if sentence)


def bytes_text(size: float) -> str:
    """Return bytes as a person reads them.

    >>> bytes_text(812), bytes_text(5_656), bytes_text(1_064_800)
    ('812 bytes', '5.7 kB', '1.1 MB')
    """
    if size < 1e3:
        return f"{size:,.0f} bytes"
    return f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def _small(record: GoalRecord, index: int) -> str:
    weights, total = record.weights[index], record.total_weights
    said = [f"{weights:,} of {total:,} weights ({total / max(1, weights):.1f} times fewer)"]
    if record.features is not None:
        said.append(f"{record.features[index]:,} of {record.total_features:,} features")
    if record.units is not None:
        said.append(f"{record.units[index]:,} of {record.total_units:,} hidden units")
    kept = record.kept_bytes(index)
    form = "without zeros" if kept == record.bytes[index] else "as a smaller dense network"
    said.append(f"{bytes_text(kept)} in a file {form}, of {bytes_text(record.dense_bytes)}")
    return ", ".join(said)


def _columns(record: GoalRecord) -> str:
    """Return the names of the columns that are kept, the first of many."""
    if not 0 < len(record.columns) < record.total_features:
        return ""
    names = [plain(name, 30) for name in record.columns[:MOST_COLUMNS]]
    more = len(record.columns) - len(names)
    return f"Columns: {', '.join(names)}" + (
        f" and {more} more (`goal` in columns.csv)." if more else "."
    )


def _scores(result: PathResult, model: ChosenModel, wording: ScoreWording) -> str:
    assert model.index is not None
    error = result.score_error[model.index]
    spread = f" ± {wording.text(float(error))}" if np.isfinite(error) else ""
    how = "over the folds" if result.fold_scores.shape[1] > 1 else "on the validation rows"
    said = f"{wording.label.capitalize()} {wording.text(model.cv_score)}{spread} {how}"
    if model.test_score is not None:
        interval = model.test_interval
        range_ = "" if interval is None else f" (95 % interval {wording.interval(*interval)})"
        said += f" and {wording.text(model.test_score)}{range_} on the test rows"
    return f"{said}."


def _cost(result: PathResult, wording: ScoreWording) -> str:
    dense = result.difference(GOAL, "unregularized")
    best = result.difference("best", GOAL)
    if dense is None:
        return ""
    unit = " points" if wording.percent else ""
    said = f"Against the dense network {wording.signed(dense.score, dense.standard_error)}{unit}"
    said += "" if dense.told_apart else ", not told from none"
    if best is not None and not _is_best(result):
        lost = wording.signed(-best.score, best.standard_error)
        said += f"; against the best of the path {lost}{unit}"
    return f"{said}."


def _is_best(result: PathResult) -> bool:
    model = chosen_or_none(result, GOAL)
    return model is not None and model.index == result.best.index
