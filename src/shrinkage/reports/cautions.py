"""The sentence of each caution: what is known, and what to do.

Who uses this: the terminal and the page. Names and labels come from data, so they are shown as
printable text on one line.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shrinkage.cautions import Caution, CautionKind
from shrinkage.drawing.text import count_text, number_text, plain, share_text, strength_text
from shrinkage.reports.wording import score_wording

SHOWN = 5
"""How many names a sentence lists before it stops."""

Facts = Mapping[str, Any]


def caution_text(caution: Caution) -> str:
    """Return the sentence of a caution, without markup.

    >>> facts = {"score": "roc_auc", "rows": "test", "reason": "one class"}
    >>> caution_text(Caution(CautionKind.SCORE_UNDEFINED, facts))
    'the score roc_auc is not defined on the test rows (one class), so none is given'
    """
    return _SENTENCES[caution.kind](caution.facts)


def _names(values: Iterable[object]) -> str:
    names = [repr(plain(value, 40)) if isinstance(value, str) else str(value) for value in values]
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if names[SHOWN:] else "")


def _classes(facts: Facts) -> str:
    noun = "class" if len(facts["classes"]) == 1 else "classes"
    return f"{noun} {_names(facts['classes'])}"


def _rare_classes(facts: Facts) -> str:
    one, rows = len(facts["classes"]) == 1, facts["rows"]
    few, most = min(rows), max(rows)
    each = f"{count_text(few, 'row')} each" if few == most else f"{few} to {most} rows each"
    count = count_text(few, "training row") if one else each
    return (
        f"{_classes(facts)} {'has' if one else 'have'} only {count} for {facts['folds']} folds, "
        f"so not every fold is validated on {'it' if one else 'them'}: collect more rows, or "
        + ("leave its rows out" if one else "merge them (--rare other)")
    )


def _unequal_classes(facts: Facts) -> str:
    return (
        f"{share_text(facts['share'])} of the training rows are {_names([facts['label']])}, so "
        "accuracy hardly shows what is learned about the others: use --choose-by loss, or a "
        "--score such as balanced_accuracy or average_precision"
    )


def _few_rows_decide(facts: Facts) -> str:
    rows = f"{facts['rows']:,} of {facts['of']:,} rows"
    others = "another scale of it"
    if facts["least"] >= 0:
        scale = "its logarithm" if facts["least"] else "log(1 + target)"
        others = f"{scale}, or take --loss poisson"
    return (
        f"{rows} make {share_text(facts['share'])} of the target's variance, so that squared error "
        f"and R² are about them: predict {others}, or --loss quantile:0.5"
    )


def _class_unlearned(facts: Facts) -> str:
    one = len(facts["folds"]) == 1
    return (
        f"the training rows of fold{'' if one else 's'} {_names(facts['folds'])} lack "
        f"{_classes(facts)}, so every validation row of it counts as a miss there"
    )


def _score_undefined(facts: Facts) -> str:
    return (
        f"the score {facts['score']} is not defined on the {facts['rows']} rows "
        f"({plain(facts['reason'], 120)}), so none is given"
    )


def _new_cells(facts: Facts) -> str:
    what = f"{facts['unseen']} of {facts['cells']} cells of column {plain(facts['column'], 40)!r}"
    if not facts["unseen"]:
        return (
            f"column {plain(facts['column'], 40)!r} is missing in all {facts['cells']} "
            f"{facts['rows']} rows, though not in training: look whether it is filled in"
        )
    return (
        f"{what} in the {facts['rows']} rows are levels that training does not have (such as "
        f"{_names(facts['examples'])}), so they say nothing: look whether they are spelled alike"
    )


def _constant_as_good(facts: Facts) -> str:
    wording = score_wording(facts["score"])
    margin = " by one standard error" if facts["standard_error"] else ""
    common = facts["score"] == "accuracy" and facts["constant"] > 0.5
    why = "accuracy may not show what is learned about the rarer classes, or " if common else ""
    return (
        f"the best {wording.label} on validation rows ({wording.text(facts['best'])}) is not "
        f"better{margin} than that of a model without inputs "
        f"({wording.text(facts['constant'])}): {why}the inputs may hold nothing about the target"
    )


def _strengths_alike(facts: Facts) -> str:
    return (
        f"the folds cannot tell the best strength from any other at which the model learns "
        f"({facts['count']} of {facts['of']}, from {strength_text(facts['first'])} to "
        f"{strength_text(facts['last'])}), nor from none: it makes no difference that they show"
    )


def _target_in_column(facts: Facts) -> str:
    return (
        f"column {plain(facts['column'], 40)!r} alone gives the target "
        f"({share_text(facts['agreement'])} agreement): if it is not known before the target is, "
        "leave it out (--drop)"
    )


def _target_in_missing(facts: Facts) -> str:
    return (
        f"whether a cell of column {plain(facts['column'], 40)!r} is missing gives the target "
        f"({share_text(facts['agreement'])} agreement): if it is filled in once the target is "
        "known, leave it out (--drop)"
    )


def _total_row(facts: Facts) -> str:
    return (
        f"the last row is called {plain(facts['value'], 40)!r} in column "
        f"{plain(facts['column'], 40)!r}: if it sums up the others, take it out of the file"
    )


def _test_rows(facts: Facts) -> str:
    return (
        f"{facts['rows']:,} of the {facts['of']:,} test rows have the inputs of a row that is "
        "trained on, so the test score measures memory in part: leave them out of one of the two"
    )


def _identifier(facts: Facts) -> str:
    return (
        f"column {plain(facts['column'], 40)!r} has {facts['distinct']:,} different values in "
        f"{facts['rows']:,} rows: if it only names the rows, leave it out (--drop)"
    )


def _repeated_columns(facts: Facts) -> str:
    pairs = [
        f"{plain(own, 40)!r} is {plain(first, 40)!r}"
        for own, first in zip(facts["columns"], facts["of"], strict=True)
    ]
    count = len(pairs)
    more = f" and {count - SHOWN:,} more" if count > SHOWN else ""
    verb = "column repeats" if count == 1 else "columns repeat"
    return (
        f"{count:,} {verb} another in every row ({', '.join(pairs[:SHOWN])}{more}): a penalty may "
        "keep any of them, or share one weight among them, so what it keeps says nothing of each; "
        "leave all but one out (--drop)"
    )


def _groups(facts: Facts) -> str:
    same = ["the target"] if facts["target"] else []
    same += [repr(plain(name, 30)) for name in facts["alike"][: SHOWN - len(same)]]
    inside = ""
    if same:
        verb = "is" if len(same) == 1 else "are"
        inside = f", and in the rows of one {' and '.join(same)} {verb} the same"
    name = plain(facts["column"], 40)
    return (
        f"column {name!r} repeats {facts['levels']:,} values over {facts['rows']:,} rows{inside}: "
        "if they are persons or the like, and new rows will be of others, scores are too good "
        f"unless all rows of one stay together (--split-by {shlex.quote(name)})"
    )


def _sentinel(facts: Facts) -> str:
    words = [plain(value, 40) for value in facts["values"]]
    one = len(words) == 1
    listed = ", ".join(f'"{word}"' for word in words)
    return (
        f"{facts['cells']:,} cells of column {plain(facts['column'], 40)!r} are "
        f"{' or '.join(words)}, far from all others ({facts['least']} to {facts['most']}): if "
        f"{'it stands' if one else 'they stand'} for missing ones, say missing = [{listed}] of it "
        "in columns.toml (--columns)"
    )


def _epoch(facts: Facts) -> str:
    return (
        f"column {plain(facts['column'], 40)!r} looks like {facts['unit']} since 1970 "
        f"({facts['least']} to {facts['most']}), and is taken for a number: write it as dates "
        "where the hour, weekday or month may tell, or name it with --time where the past is "
        "to predict the future"
    )


def _duplicates(facts: Facts) -> str:
    return (
        f"{facts['rows']:,} of {facts['of']:,} rows have equal inputs to a row in another fold, "
        "so scores may be too good: keep equal rows together (--split-by) or remove them"
    )


def _time_order(facts: Facts) -> str:
    column = facts["column"]
    where = "in the order of the rows" if column is None else f"by {plain(column, 40)!r}"
    return (
        f"the target moves slowly {where} (correlation {number_text(facts['correlation'])} with "
        "the row before), but the folds are drawn at random, so scores may be too good: keep "
        "periods together (--split-by)"
    )


_SENTENCES: Mapping[CautionKind, Callable[[Facts], str]] = {
    CautionKind.RARE_CLASSES: _rare_classes,
    CautionKind.CLASS_UNLEARNED: _class_unlearned,
    CautionKind.NEW_CELLS: _new_cells,
    CautionKind.SCORE_UNDEFINED: _score_undefined,
    CautionKind.UNEQUAL_CLASSES: _unequal_classes,
    CautionKind.FEW_ROWS_DECIDE: _few_rows_decide,
    CautionKind.CONSTANT_AS_GOOD: _constant_as_good,
    CautionKind.STRENGTHS_ALIKE: _strengths_alike,
    CautionKind.TARGET_IN_COLUMN: _target_in_column,
    CautionKind.TARGET_IN_MISSING: _target_in_missing,
    CautionKind.TOTAL_ROW: _total_row,
    CautionKind.IDENTIFIER: _identifier,
    CautionKind.REPEATED_COLUMNS: _repeated_columns,
    CautionKind.GROUPS: _groups,
    CautionKind.SENTINEL: _sentinel,
    CautionKind.EPOCH: _epoch,
    CautionKind.DUPLICATES_ACROSS_FOLDS: _duplicates,
    CautionKind.TEST_ROWS_TRAINED: _test_rows,
    CautionKind.TIME_ORDER: _time_order,
}
