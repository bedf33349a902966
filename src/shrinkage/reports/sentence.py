"""The answer in a sentence: strength, zeros, test score against unregularized, said honestly.

Who uses this: the head of the page and the last line of the command line.
"""

from __future__ import annotations

import math
from typing import Any

from shrinkage.drawing.text import plain, share_text
from shrinkage.paths.results import ChosenModel, PathResult, Status
from shrinkage.reports.goal_told import goal_sentence
from shrinkage.reports.reading import ROLE_LABELS, at_edge, chosen_or_none, place_text
from shrinkage.reports.wording import LOG_LOSS, ScoreWording, score_wording

SHOWN_CLASSES = 4
"""So many classes are told, the worst first."""


def summary_sentence(result: PathResult) -> str:
    """Return what the path found: strength, exact zeros, test score with and without.

    A second sentence follows where honesty needs one: regularization did not help, the best
    strength ends the grid, the chosen model did not train as it should.

    Args:
        result: a finished path.

    Returns:
        Plain text, not markup.

    >>> from shrinkage.reports.example import example_result
    >>> summary_sentence(example_result())
    'Strength 0.01: 50 % of the weights are exactly zero, test accuracy 97.0 % against 96.0 %
    unregularized.'
    """
    if result.goal is not None:
        return goal_sentence(result)
    best = result.best
    said = f"{_zeros(best)}, {_score(result)}{_log_loss(result)}"
    head = "Strength" if result.surface is None else "Best at"
    sentence = f"{head} {place_text(result, best)}: {said}."
    return " ".join([sentence, *_together(result), *_cautions(result)])


def one_standard_error_sentence(result: PathResult) -> str:
    """Return what the strongest model within one standard error of the best offers, or nothing.

    >>> from shrinkage.reports.example import example_result
    >>> one_standard_error_sentence(example_result())
    'If a simpler model is worth a little accuracy: strength 0.1 is within one standard error
    of the best, with 75 % zeros and test accuracy 96.5 %.'
    """
    choice = chosen_or_none(result, "one_standard_error")
    if choice is None or result.goal is not None:
        return ""
    if result.fold_scores.shape[1] < 2:
        return "One set of validation rows gives no standard error, so there is one choice only."
    if choice.index == result.best.index:
        if result.surface is not None:
            return "No simpler model is within one standard error of the best."
        return "No larger strength is within one standard error of the best."
    wording = score_wording(result.score_name)
    value, kind = _shown(result, choice)
    best = _same_kind(result.best, kind)
    worse = value is not None and best is not None and value < best
    head = f"If a simpler model is worth a little {wording.label}" if worse else "A simpler model"
    if (choice.index or 0) < (result.best.index or 0) and result.surface is None:
        head = "A model that does learn from the inputs"
    where = f"{'strength ' if result.surface is None else ''}{place_text(result, choice)}"
    zeros = f"{share_text(choice.zero_fraction)} zeros and " if choice.zero_fraction else ""
    return (
        f"{head}: {where} is within one standard error of the "
        f"best, with {zeros}{kind} {wording.label} {wording.text(value)}."
    )


def ended_sentence(result: PathResult) -> str:
    """Return how many models of the folds ended early since nothing changed, or nothing.

    >>> from dataclasses import replace
    >>> from shrinkage.reports.example import example_result
    >>> early = {"models": 43, "of": 108, "share_of_epochs": 0.9, "tolerance": 1e-6}
    >>> summary = {"ended_early": early, "epochs": 200}
    >>> ended_sentence(replace(example_result(), summary=summary))
    '43 of 108 models ended before epoch 200 (90 % of all epochs were trained): no more than
    1e-06 of their losses, zeros and classes would still have changed.'
    """
    early: Any = result.summary.get("ended_early")
    if not early or not early["models"]:
        return ""
    return (
        f"{early['models']:,} of {early['of']:,} models ended before epoch "
        f"{result.summary['epochs']:,} ({share_text(early['share_of_epochs'])} of all epochs were "
        f"trained): no more than {early['tolerance']:g} of their losses, zeros and classes would "
        "still have changed."
    )


def constant_sentence(result: PathResult) -> str:
    """Return what a model without inputs scores, to compare with, or nothing.

    >>> from dataclasses import replace
    >>> from shrinkage.paths.results import ConstantScore
    >>> from shrinkage.reports.example import example_result
    >>> constant_sentence(replace(example_result(), constant=ConstantScore(0.5, 0.52)))
    'To compare: without inputs, accuracy 50.0 % cross-validated and 52.0 % on the test rows.'
    """
    if result.constant is None or result.constant.cv_score is None:
        return ""
    wording = score_wording(result.score_name)
    said = f"{wording.label} {wording.text(result.constant.cv_score)} {_validated(result)}"
    if result.constant.test_score is not None:
        said += f" and {wording.text(result.constant.test_score)} on the test rows"
    return f"To compare: without inputs, {said}."


def classes_sentence(result: PathResult) -> str:
    """Return how the best model does on the classes it does worst on, or nothing.

    >>> from dataclasses import replace
    >>> import numpy as np
    >>> from shrinkage.paths.results import ClassFigures
    >>> from shrinkage.reports.example import example_result
    >>> figures = ClassFigures(("no", "yes"), np.array([[98, 2], [10, 10]]))
    >>> classes_sentence(replace(example_result(), classes=figures))
    "By class, of the test rows: 50 % of 20 of 'yes' are found, 98 % of 100 of 'no'."
    """
    figures = result.classes or result.fold_classes
    if figures is None:
        return ""
    whose = "test rows" if result.classes else "rows that the folds left out"
    known = [
        (recall, rows, label)
        for recall, rows, label in zip(figures.recall, figures.rows, figures.classes, strict=True)
        if recall is not None
    ]
    worst = sorted(known, key=lambda row: row[0])[:SHOWN_CLASSES]
    parts = [
        f"{share_text(recall)} of {rows:,} of {_label(label)}" for recall, rows, label in worst
    ]
    parts[0] += " are found"
    more = len(known) - len(worst)
    rest = f"; {more} more {'does' if more == 1 else 'do'} at least as well" if more else ""
    return f"By class, of the {whose}: {', '.join(parts)}{rest}."


def _label(label: object) -> str:
    return repr(plain(label, 30)) if isinstance(label, str) else f"class {label}"


def _zeros(model: ChosenModel) -> str:
    if not model.total_weights:
        return "no weight is penalised"
    if model.nonzero == model.total_weights:
        return "no weight is exactly zero"
    if model.nonzero == 0:
        return "every weight is exactly zero"
    return f"{share_text(model.zero_fraction)} of the weights are exactly zero"


def _score(result: PathResult) -> str:
    wording = score_wording(result.score_name)
    value, kind = _shown(result, result.best)
    said = f"{kind} {wording.label} {wording.text(value)}"
    interval = result.best.test_interval
    if kind == "test" and interval is not None:
        said += f" (95 % interval {wording.interval(*interval)})"
    plain = chosen_or_none(result, "unregularized")
    other = None if plain is None else _same_kind(plain, kind)
    if other is None:
        return said
    if wording.text(value) == wording.text(other):
        return f"{said}, {'the' if value == other else 'about the'} same as unregularized"
    return f"{said} against {wording.text(other)} unregularized"


def _together(result: PathResult) -> list[str]:
    """Return what several networks of the best strength say together, where there are some.

    >>> from dataclasses import replace
    >>> from shrinkage.reports.example import example_result
    >>> result = example_result()
    >>> mean = replace(result.best, role="mean", cv_score=None, test_score=0.975)
    >>> _together(replace(result, chosen=(*result.chosen, mean), summary={"members": 8}))
    ['The mean of 8 networks of it: test accuracy 97.5 %.']
    """
    mean = chosen_or_none(result, "mean")
    if mean is None:
        return []
    head = f"The mean of {result.summary['members']} networks of it"
    if mean.test_score is None:
        return [f"{head} is trained, too, and not scored: there are no test rows."]
    wording = score_wording(result.score_name)
    said = f"test {wording.label} {wording.text(mean.test_score)}"
    if mean.test_log_loss is not None and result.score_name != "neg_log_loss":
        said += f", log loss {LOG_LOSS.text(mean.test_log_loss)}"
    return [f"{head}: {said}."]


def _log_loss(result: PathResult) -> str:
    """Return the log loss on the test rows, which says how sure a model was, or nothing."""
    plain = chosen_or_none(result, "unregularized")
    value, other = result.best.test_log_loss, None if plain is None else plain.test_log_loss
    if value is None or other is None or result.score_name == "neg_log_loss":
        return ""
    first, second = LOG_LOSS.text(value), LOG_LOSS.text(other)
    return f", log loss {first}" + ("" if first == second else f" against {second}")


def _validated(result: PathResult) -> str:
    return "cross-validated" if result.fold_scores.shape[1] > 1 else "on the validation rows"


def _shown(result: PathResult, model: ChosenModel) -> tuple[float | None, str]:
    """Return the test score, or the cross-validated one where there was no test."""
    if model.test_score is not None:
        return model.test_score, "test"
    return model.cv_score, "cross-validated" if result.fold_scores.shape[1] > 1 else "validation"


def _same_kind(model: ChosenModel, kind: str) -> float | None:
    return model.test_score if kind == "test" else model.cv_score


def _cautions(result: PathResult) -> list[str]:
    remarks = [_worse(result, score_wording(result.score_name)), _edge(result), _status(result)]
    return [sentence for sentence in remarks if sentence]


def _worse(result: PathResult, wording: ScoreWording) -> str:
    value, kind = _shown(result, result.best)
    plain = chosen_or_none(result, "unregularized")
    other = None if plain is None else _same_kind(plain, kind)
    if value is None or other is None or not math.isfinite(value) or not math.isfinite(other):
        return ""
    if value >= other or wording.text(value) == wording.text(other):
        return ""
    size = wording.difference(other - value)
    return f"Here regularization did not raise the {kind} score: it is {size} lower."


def _edge(result: PathResult) -> str:
    edge = at_edge(result)
    empty = edge == "largest" and result.best.nonzero == 0  # a larger strength is the same model
    if not edge or empty or result.best.strength == 0:
        return ""
    without = result.difference("best", "unregularized")
    if edge == "smallest" and without is not None and not without.told_apart:
        return (
            "This is the smallest strength that was tried, and the folds cannot tell it from none."
        )
    return f"This is the {edge} strength that was tried, so a better one may lie beyond it."


def _status(result: PathResult) -> str:
    index = result.best.index
    if index is None or result.status[index] == Status.OK:
        return ""
    return f"Take care: the {ROLE_LABELS['best']} model {result.status[index].message}."
