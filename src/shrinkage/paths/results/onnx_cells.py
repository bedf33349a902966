"""Which raw columns an ONNX file takes, and by which input.

Who uses this: `onnx_model`, which prepares them, and `onnx_file`, which writes their inputs. A
column of text is an input of its own; the file holds how each of its texts is read, as the
library reads them, for a graph has no rules of spelling. All other columns are one matrix.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from shrinkage.datasets import Preprocessing
from shrinkage.datasets.cell_rules import CellRule
from shrinkage.datasets.column_specs import ColumnKind
from shrinkage.datasets.columns import values_as_levels
from shrinkage.datasets.dataset import RawRows
from shrinkage.datasets.judging.level_forms import TRUTH_WORDS
from shrinkage.datasets.judging.missing_words import missing_words
from shrinkage.datasets.preparation.base import Encoder
from shrinkage.datasets.preparation.dates import DateInputs
from shrinkage.datasets.preparation.missing import MissingInputs
from shrinkage.datasets.preparation.numbers import NumericInputs
from shrinkage.datasets.preparation.pixels import PixelInputs
from shrinkage.datasets.wording import listed
from shrinkage.errors import InputError

MISSING_CODE, UNSEEN_CODE, FIRST_CODE = 0, 1, 2
"""What the texts of a column become: the levels follow one another from the last on."""

UNSEEN = "unseen"
"""No level, unless training had it."""

_BLANKS = (("", ""), (" ", ""), ("", " "), (" ", " "))
"""What may stand before and behind a text."""


@dataclass(frozen=True)
class TextColumn:
    """A column of text: its levels, and the code of every text that the file knows.

    >>> rule = CellRule(ColumnKind.CATEGORY, levels=("Basel", "Bern"))
    >>> codes = TextColumn.of("city", rule.levels, rule).codes
    >>> codes["Basel"], codes[" BERN"], codes["n/a"], "Genf" in codes
    (2, 3, 0, False)
    """

    name: str
    levels: tuple[str, ...]
    codes: dict[str, int]

    @classmethod
    def of(
        cls,
        name: str,
        levels: tuple[str, ...],
        rule: CellRule,
        met: Iterable[str] = (),
    ) -> TextColumn:
        """Return the codes of the usual spellings of levels and missing cells, read by the rule.

        Args:
            name: the column.
            levels: with inputs of their own.
            rule: how its cells are read.
            met: further texts that are read.
        """
        words = [*levels, *rule.levels, *missing_words(rule)]
        words += TRUTH_WORDS if rule.truth else ()
        texts = sorted({*met, *(text for word in words for text in _spellings(word))})
        places, read = values_as_levels(pd.Series(texts, dtype=object), rule)
        code_of: dict[str | None, int] = {level: n for n, level in enumerate(levels, FIRST_CODE)}
        code_of[None] = MISSING_CODE
        codes = {
            text: code_of[read[place]]
            for text, place in zip(texts, places, strict=True)
            if read[place] in code_of
        }
        return cls(name, levels, codes)

    @property
    def unseen(self) -> str:
        """Return a text that is no level."""
        text = UNSEEN
        while text in self.codes:
            text += "?"
        return text


@dataclass(frozen=True)
class OnnxCells:
    """The columns that a file takes.

    Args:
        numbers: those of the matrix, in its order.
        dates: which of them are dates, as seconds since the start of 1970.
        texts: those that are an input each.
    """

    numbers: tuple[str, ...]
    dates: tuple[str, ...] = ()
    texts: tuple[TextColumn, ...] = ()

    @classmethod
    def of(
        cls,
        preprocessing: Preprocessing,
        read: Sequence[int] | None = None,
        rows: RawRows | None = None,
    ) -> OnnxCells:
        """Return the columns of a preparation, or those alone that a model reads.

        Args:
            preprocessing: what prepares raw rows.
            read: places of the inputs that the model reads; None: all, and columns without inputs.
            rows: raw rows whose spellings of levels are known, beside the usual ones.

        Raises:
            InputError: a column has no place in a file.
        """
        sources = preprocessing.source_columns
        places = sources if read is None else [sources[place] for place in read]
        needed = {preprocessing.columns[place] for place in places}
        numbers = _columns(preprocessing, (NumericInputs, PixelInputs), ColumnKind.NUMERIC)
        dates = _columns(preprocessing, (DateInputs,), ColumnKind.DATE)
        levels = _levels(preprocessing.encoders)
        lost = needed - numbers - dates - set(levels)
        if lost:
            raise InputError(
                "expected columns of numbers, dates or known levels for an ONNX file, got others "
                f"({listed(sorted(lost))}): use predict, or encode them by levels or 'target' "
                "before fitting"
            )
        rules = dict(preprocessing.rules)
        in_order = [name for name in preprocessing.columns if name in levels and name in needed]
        plain = CellRule(ColumnKind.CATEGORY)
        texts = tuple(
            TextColumn.of(name, levels[name], rules.get(name, plain), _texts(rows, name))
            for name in in_order
        )
        if read is None and needed <= numbers:
            return cls(preprocessing.columns)
        matrix = tuple(name for name in preprocessing.columns if name in needed & (numbers | dates))
        return cls(matrix, tuple(name for name in matrix if name in dates), texts)

    @property
    def matrix(self) -> str:
        """Return the name of the input of the matrix: `input`, where no column has it."""
        name = "input"
        while name in {text.name for text in self.texts}:
            name += "_"
        return name

    @property
    def inputs(self) -> dict[str, tuple[str, ...]]:
        """Return the columns of each input, in the order of the inputs."""
        numbers = {self.matrix: self.numbers} if self.numbers else {}
        return numbers | {text.name: (text.name,) for text in self.texts}

    @property
    def kinds(self) -> dict[str, str]:
        """Return what each column is given as: `number`, `date` or `text`."""
        kinds = {name: "date" if name in self.dates else "number" for name in self.numbers}
        return kinds | {text.name: "text" for text in self.texts}


def _columns(
    preprocessing: Preprocessing, encoders: tuple[type[Encoder], ...], kind: ColumnKind
) -> set[str]:
    """Return the columns that encoders read, or indicators of missing cells of a kind."""
    own = [encoder for encoder in preprocessing.encoders if isinstance(encoder, encoders)]
    marked = [one for one in preprocessing.encoders if isinstance(one, MissingInputs)]
    return {
        *(name for encoder in own for name in encoder.sources),
        *(
            name
            for one in marked
            for name, told in zip(one.names, one.kinds, strict=True)
            if told == kind.value
        ),
    }


def _levels(encoders: Sequence[Encoder]) -> dict[str, tuple[str, ...]]:
    """Return the levels of each column that has some."""
    return {e.sources[0]: e.known_levels for e in encoders if e.known_levels is not None}


def _texts(rows: RawRows | None, name: str) -> set[str]:
    """Return the texts of a column of raw rows."""
    return set(map(str, rows[name].dropna().unique())) if isinstance(rows, pd.DataFrame) else set()


def _spellings(word: str) -> set[str]:
    """Return how a word is usually written: by case, with a blank beside it, as a float."""
    cases = {word, word.lower(), word.upper(), word.capitalize(), word.title()}
    cases |= {f"{word}.0"} if word.isdecimal() else set()
    return {f"{before}{own}{behind}" for own in cases for before, behind in _BLANKS}
