"""The models side by side: what each scores, and how sure it is that the best is better.

Who uses this: the page and the terminal. Beside the three refitted models stand the unregularized
network at its best epoch, the model without inputs, and models of other kinds where those were
asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from shrinkage.drawing.text import MISSING, plain, share_text
from shrinkage.paths.results import ChosenModel, PathResult
from shrinkage.reports.reading import ROLE_LABELS, ROLES, chosen_or_none, place_text
from shrinkage.reports.wording import LOG_LOSS, score_wording


@dataclass(frozen=True)
class ModelRow:
    """One model as texts; what it does not have is empty. `key` is its role, or its name.

    `apart` says how much higher the best scores over the folds, `log_apart` how much higher its
    log loss is: a better model has a negative one.
    """

    key: str
    label: str
    strength: str = ""
    cv_score: str = MISSING
    apart: str = ""
    cv_log_loss: str = ""
    log_apart: str = ""
    test_score: str = MISSING
    test_log_loss: str = ""
    zeros: str = ""
    counts: str = ""
    seconds: str = ""


def model_rows(result: PathResult) -> tuple[ModelRow, ...]:
    """Return a row for each model, the chosen ones first.

    >>> from shrinkage.reports.example import example_result
    >>> [(row.label, row.test_score) for row in model_rows(example_result())][:2]
    [('best', '97.0 %'), ('one standard error', '96.5 %')]
    """
    rows = [
        _chosen(result, model)
        for model in (chosen_or_none(result, role) for role in ROLES)
        if model is not None
    ]
    if result.early_stop is not None:
        stop = result.early_stop
        label = f"unregularized to epoch {stop.epoch:,} of {stop.of:,}"
        scores = (stop.cv_score, None, stop.cv_log_loss, None)
        rows.append(
            _row(
                result, "early_stop", label, *scores, strength="0" if result.surface is None else ""
            )
        )
    if result.constant is not None:
        one = result.constant
        scores = (one.cv_score, one.test_score, one.cv_log_loss, one.test_log_loss)
        rows.append(_row(result, "constant", "without inputs", *scores))
    for other in result.compared:
        scores = (other.cv_score, other.test_score, other.cv_log_loss, other.test_log_loss)
        seconds = f"{other.seconds:,.1f} s"
        rows.append(_row(result, other.name, plain(other.name), *scores, seconds=seconds))
    return tuple(rows)


def _chosen(result: PathResult, model: ChosenModel) -> ModelRow:
    scores = (model.cv_score, model.test_score, model.cv_log_loss, model.test_log_loss)
    wording, interval = score_wording(result.score_name), model.test_interval
    return _row(
        result,
        model.role,
        ROLE_LABELS[model.role],
        *scores,
        strength=place_text(result, model),
        zeros=share_text(model.zero_fraction),
        counts=f"{model.total_weights - model.nonzero:,} of {model.total_weights:,}",
        test="" if interval is None else f" ({wording.interval(*interval)})",
    )


def _row(
    result: PathResult,
    key: str,
    label: str,
    cv_score: float | None,
    test_score: float | None,
    cv_log_loss: float | None,
    test_log_loss: float | None,
    *,
    test: str = "",
    **texts: str,
) -> ModelRow:
    wording = score_wording(result.score_name)
    apart, log_apart = "", ""
    pair = result.difference("best", key)
    if pair is not None and not _is_best(result, key):
        apart = wording.signed(pair.score, pair.standard_error)
        if pair.log_loss is not None and pair.log_loss_standard_error is not None:
            log_apart = LOG_LOSS.signed(pair.log_loss, pair.log_loss_standard_error)
    return ModelRow(
        key,
        label,
        cv_score=wording.text(cv_score),
        apart=apart,
        cv_log_loss="" if cv_log_loss is None else LOG_LOSS.text(cv_log_loss),
        log_apart=log_apart,
        test_score=wording.text(test_score) + test,
        test_log_loss="" if test_log_loss is None else LOG_LOSS.text(test_log_loss),
        **texts,
    )


def _is_best(result: PathResult, key: str) -> bool:
    model = chosen_or_none(result, key)
    return model is not None and model.index is not None and model.index == result.best.index
