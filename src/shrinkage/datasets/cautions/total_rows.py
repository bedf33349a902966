"""A last row that sums up the others: the total of a report, which is no case of anything."""

from __future__ import annotations

import re

import numpy as np

from shrinkage.cautions import Caution, CautionKind
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.input_columns import InputColumns

_TOTAL = re.compile(
    r"(grand|sub|column|overall)?[\s_-]*(totals?|sums?|averages?|means?|summe|gesamt(summe)?|"
    r"insgesamt|mittelwert|somme|moyenne|suma|totale|totaal)[\s:]*",
    re.IGNORECASE,
)


def total_rows(columns: InputColumns) -> tuple[Caution, ...]:
    """Say when the last row is called a total, and no other is.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item": ["a", "b", "a", "Total"], "n": [1.0, 2.0, 3.0, 6.0]})
    >>> total_rows(InputColumns.of(frame))[0].facts
    {'column': 'item', 'value': 'Total', 'row': 4}
    """
    last = len(columns) - 1
    for name in columns.of_kind(ColumnKind.CATEGORY) if last > 0 else ():
        value = columns.cells(np.array([last]), [name])[0, 0]
        if isinstance(value, str) and _TOTAL.fullmatch(value):
            cells = columns.cells(np.arange(last), [name])[:, 0]
            if value not in cells:
                facts = {"column": name, "value": value, "row": last + 1}
                return (Caution(CautionKind.TOTAL_ROW, facts),)
    return ()
