"""Numbers that stand for missing cells: found where people wrote them, and there alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shrinkage.cautions import CautionKind
from shrinkage.datasets import load_dataset
from shrinkage.datasets.cautions import column_cautions
from shrinkage.datasets.cautions.sentinels import sentinels_among
from shrinkage.datasets.input_columns import InputColumns
from shrinkage.reports.cautions import caution_text

draw = np.random.default_rng(0)

CODED = {
    "a sensor": (draw.gamma(2, 1, 400).round(1), [-200.0] * 20),
    "degrees": (draw.uniform(-2, 44, 400).round(1), [-200.0] * 20),
    "nobody called": (draw.integers(0, 28, 100), [999.0] * 900),
    "answers": (draw.integers(1, 6, 300), [97.0] * 4 + [98.0] * 5 + [99.0] * 9),
    "grades": (draw.integers(0, 6, 300), [-9.0] * 9),
    "both ends": (draw.normal(15, 9, 400), [-9999.0] * 9 + [99999.0] * 9),
}

ORDINARY = {
    "amounts": draw.lognormal(3, 2, 2000).round(2),
    "counts": draw.poisson(0.3, 500),
    "codes": draw.choice([101, 202, 303, 404], 300),
    "yes and no": draw.integers(0, 2, 300),
    "signs": draw.choice([-1, 1], 300),
    "three": draw.choice([0, 1, 9], 300),
    "one outlier": [*draw.normal(size=300), 999.0],
    "capped": np.minimum(draw.exponential(10, 400), 50),
    "mostly zero": np.where(draw.uniform(size=400) < 0.9, 0, draw.exponential(100, 400)),
    "regimes": draw.choice([*draw.uniform(130, 420, 20), 2025.42, 2036.8], 900),
    "nothing": np.full(9, np.nan),
    "no row": np.zeros(0),
}


@pytest.mark.parametrize("case", CODED)
def test_what_people_wrote_is_found(case: str) -> None:
    cells, codes = CODED[case]
    numbers = np.array([*cells, np.nan, *codes], dtype=np.float64)
    assert sentinels_among(draw.permutation(numbers)).tolist() == sorted(set(codes))


@pytest.mark.parametrize("case", ORDINARY)
def test_ordinary_columns_are_left_alone(case: str) -> None:
    assert len(sentinels_among(np.asarray(ORDINARY[case], dtype=np.float64))) == 0


@pytest.mark.parametrize("name", ["breast-cancer", "wine", "diabetes", "digits"])
def test_known_tables_are_left_alone(name: str) -> None:
    data = load_dataset(name)
    columns = InputColumns.of(pd.DataFrame(np.asarray(data.X, np.float64)))
    assert [c for c in column_cautions(columns) if c.kind is CautionKind.SENTINEL] == []


def test_the_sentence_says_what_to_write() -> None:
    cells, codes = CODED["answers"]
    columns = InputColumns.of(pd.DataFrame({"q1": np.array([*cells, *codes], np.float64)}))
    (caution,) = column_cautions(columns)
    text = caution_text(caution)
    assert "18 cells of column 'q1' are 97 or 98 or 99" in text
    assert 'missing = ["97", "98", "99"]' in text
