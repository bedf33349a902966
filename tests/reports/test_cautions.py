"""Every caution has a sentence of one line, whatever names and labels it holds."""

from __future__ import annotations

import json

import pytest

from shrinkage.cautions import Caution, CautionKind
from shrinkage.reports.cautions import caution_text

WILD = "<b>a\nb</b>"
FACTS = {
    CautionKind.RARE_CLASSES: {"classes": [WILD, 3, True], "rows": [1, 2, 2], "folds": 5},
    CautionKind.TARGET_IN_MISSING: {"column": WILD, "agreement": 0.999},
    CautionKind.TOTAL_ROW: {"column": WILD, "value": WILD, "row": 9},
    CautionKind.GROUPS: {
        "column": WILD, "levels": 9, "rows": 99, "target": True, "alike": [WILD],
    },
    CautionKind.UNEQUAL_CLASSES: {"label": WILD, "share": 0.998},
    CautionKind.FEW_ROWS_DECIDE: {"rows": 2, "of": 200, "share": 0.9, "least": 0.0},
    CautionKind.CLASS_UNLEARNED: {"classes": [WILD], "folds": [1, 4]},
    CautionKind.SCORE_UNDEFINED: {"score": "roc_auc", "rows": "test", "reason": WILD},
    CautionKind.NEW_CELLS: {
        "rows": "test", "column": WILD, "cells": 9, "missing": 1, "unseen": 2, "examples": [WILD]
    },
    CautionKind.CONSTANT_AS_GOOD: {
        "score": "r2", "best": 0.01, "constant": -0.01, "margin": 0.02, "standard_error": 0.03
    },
    CautionKind.STRENGTHS_ALIKE: {"best": 1.0, "first": 0.1, "last": 9.0, "count": 7, "of": 9},
    CautionKind.TARGET_IN_COLUMN: {"column": WILD, "agreement": 0.9995},
    CautionKind.EPOCH: {
        "column": "ts",
        "unit": "seconds",
        "least": "2023-11-14",
        "most": "2023-11-21",
    },
    CautionKind.SENTINEL: {
        "column": "co",
        "values": ["-200"],
        "cells": 40,
        "least": "0.1",
        "most": "7.4",
    },
    CautionKind.REPEATED_COLUMNS: {"columns": [WILD] * 9, "of": [WILD] * 9},
    CautionKind.IDENTIFIER: {"column": WILD, "distinct": 90, "rows": 90},
    CautionKind.DUPLICATES_ACROSS_FOLDS: {"rows": 12, "of": 90},
    CautionKind.TEST_ROWS_TRAINED: {"rows": 12, "of": 30},
    CautionKind.TIME_ORDER: {"column": None, "correlation": 0.97},
}  # fmt: skip


@pytest.mark.parametrize("kind", CautionKind)
def test_every_kind_has_a_sentence(kind):
    caution = Caution(kind, FACTS[kind])
    text = caution_text(caution)
    assert text
    assert text.isprintable()
    assert Caution.from_dict(json.loads(json.dumps(caution.to_dict()))) == caution


def test_classes_of_as_many_rows_are_counted_once():
    facts = {"classes": ["a", "b"], "rows": [2, 2], "folds": 5}
    text = caution_text(Caution(CautionKind.RARE_CLASSES, facts))
    assert text.startswith("classes 'a', 'b' have only 2 rows each for 5 folds")
