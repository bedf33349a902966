"""What the chosen strength buys, in sentences: a gain is one only when it is told from chance.

Who uses this: the terminal and the head of the page, behind the answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from shrinkage.drawing.text import plain
from shrinkage.paths.results import ChosenModel, Difference, PathResult
from shrinkage.reports.penalties_told import AXIS, penalties_sentence
from shrinkage.reports.reading import value_text
from shrinkage.reports.wording import LOG_LOSS, ScoreWording, score_wording


def gain_sentence(result: PathResult) -> str:
    """Return how far the best model is from none over the folds, and from a fair baseline.

    >>> from dataclasses import replace
    >>> from shrinkage.paths.results import Difference
    >>> from shrinkage.reports.example import example_result
    >>> pair = Difference("best", "unregularized", 0.006, 0.004, -0.02, 0.004)
    >>> gain_sentence(replace(example_result(), differences=(pair,)))
    'Over the folds, best against unregularized: +0.6 ± 0.4 points of accuracy, not told from none;
    log loss −0.020 ± 0.004, better.'
    """
    wording = score_wording(result.score_name)
    said = [
        _nested(result, wording),
        "" if result.goal else _against_none(result, wording),  # the goal's sentence tells its own
        "" if result.goal else _simple(result, wording),
        penalties_sentence(result),
        _early_stop(result, wording),
        _constant(result, wording),
        _compared(result, wording),
        _outer(result, wording),
    ]
    return " ".join(sentence for sentence in said if sentence)


def _amount(pair: Difference, wording: ScoreWording) -> str:
    unit = " points" if wording.percent else ""
    return f"{wording.signed(pair.score, pair.standard_error)}{unit} of {wording.label}"


def _verdict(apart: bool, gain: float) -> str:
    return "not told from none" if not apart else "better" if gain > 0 else "worse"


def _both(pair: Difference, wording: ScoreWording) -> str:
    said = f"{_amount(pair, wording)}, {_verdict(pair.told_apart, pair.score)}"
    if pair.log_loss is None or pair.log_loss_standard_error is None:
        return said
    loss = LOG_LOSS.signed(pair.log_loss, pair.log_loss_standard_error)
    return f"{said}; log loss {loss}, {_verdict(pair.log_loss_told_apart, -pair.log_loss)}"


def _nested(result: PathResult, wording: ScoreWording) -> str:
    """Return what the whole procedure scores on rows that no choice has seen.

    >>> from dataclasses import replace
    >>> from shrinkage.paths.results.nested_score import NestedScore
    >>> from shrinkage.reports.example import example_result
    >>> nested = replace(example_result(), nested=NestedScore((0.9, 0.92), (0.1, 0.1)))
    >>> _nested(nested, score_wording("accuracy"))
    'By nested cross validation the whole procedure, its choice included, has accuracy 91.0 % ± 1.0;
    the folds that chose said 97.0 %.'
    """
    nested = result.nested
    if nested is None or "outer" in result.summary:
        return ""
    digits, scale = (1, 100.0) if wording.percent else (3, 1.0)
    error = f"{scale * nested.standard_error:.{digits}f}"
    chose = result.best.cv_score
    said = "" if chose is None else f"; the folds that chose said {wording.text(chose)}"
    return (
        "By nested cross validation the whole procedure, its choice included, has "
        f"{wording.label} {wording.text(nested.mean)} ± {error}{said}."
    )


def _against_none(result: PathResult, wording: ScoreWording) -> str:
    pair = result.difference("best", "unregularized")
    if pair is None:
        return ""
    return f"Over the folds, best against {_plain(result, result.best)}: {_both(pair, wording)}."


def _simple(result: PathResult, wording: ScoreWording) -> str:
    pair = result.difference("one_standard_error", "unregularized")
    if pair is None or result.one_standard_error.index == result.best.index:
        return ""
    plain = _plain(result, result.one_standard_error)
    return f"One standard error against {plain}: {_both(pair, wording)}."


def _plain(result: PathResult, model: ChosenModel) -> str:
    """Return what the unregularized model is called, with what it differs in beside strengths."""
    if result.surface is None:
        return "unregularized"
    other = result.unregularized.setting
    names = [axis.name for axis in result.surface.axes if not axis.is_strength]
    apart = [name for name in names if name != AXIS and other.get(name) != model.setting[name]]
    told = ", ".join(f"{name.replace('_', ' ')} {value_text(other[name])}" for name in apart)
    return f"unregularized (of {told})" if told else "unregularized"


def _early_stop(result: PathResult, wording: ScoreWording) -> str:
    pair, stop = result.difference("best", "early_stop"), result.early_stop
    if pair is None or stop is None:
        return ""
    return (
        f"Against the unregularized network stopped after its best epoch ({stop.epoch:,} of "
        f"{stop.of:,}): {_both(pair, wording)}."
    )


def _constant(result: PathResult, wording: ScoreWording) -> str:
    pair = result.difference("best", "constant")
    if pair is None or (pair.told_apart and pair.score > 0):
        return ""
    return f"Against a model without inputs: {_both(pair, wording)}."


def _compared(result: PathResult, wording: ScoreWording) -> str:
    """Return against which models of other kinds the best is better, worse, or neither."""
    pairs = [result.difference("best", model.name) for model in result.compared]
    known = [pair for pair in pairs if pair is not None]
    if not known:
        return ""
    scores = [(pair.against, _verdict(pair.told_apart, pair.score)) for pair in known]
    said = f"{wording.label} {_grouped(scores)}"
    losses = [
        (pair.against, _verdict(pair.log_loss_told_apart, -pair.log_loss))
        for pair in known
        if pair.log_loss is not None
    ]
    if losses:
        said += f"; log loss {_grouped(losses)}"
    return f"On the same folds: {said}."


def _outer(result: PathResult, wording: ScoreWording) -> str:
    """Return what a whole search scores on rows that it never saw, where that was asked."""
    outer: Any = result.summary.get("outer")
    if not outer or not math.isfinite(outer["score"]):
        return ""
    own = wording.signed(outer["score"], outer["score_standard_error"]).removeprefix("+")
    apart = wording.signed(outer["difference"], outer["difference_standard_error"])
    unit, points = (" %", " points") if wording.percent else ("", "")
    told = abs(outer["difference"]) > 2 * outer["difference_standard_error"]
    return (
        f"Honest score of the search, repeated without each of {outer['folds']} outer folds: "
        f"{wording.label} {own}{unit} on the rows left out; against unregularized {apart}{points}, "
        f"{_verdict(told, outer['difference'])}."
    )


def _grouped(verdicts: Sequence[tuple[str, str]]) -> str:
    """Return the names with the same verdict together."""
    words = {"better": "better than", "worse": "worse than"}
    groups: dict[str, list[str]] = {}
    for name, verdict in verdicts:
        groups.setdefault(words.get(verdict, "not told from"), []).append(plain(name))
    return ", ".join(f"{verdict} {_listed(names)}" for verdict, names in groups.items())


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
