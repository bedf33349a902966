"""Lists as people type them: names with commas between, in an option that may be repeated.

Who uses this: every option of the command line that takes a list. What is typed stays a text until
the names that there are (the columns of a table) are known: a text that is one of them is taken
as it stands; any other is cut at its commas, with the quotes of a CSV file around a name that has
one: `--drop age,sex --drop '"height, cm",weight'`.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable

from shrinkage.errors import InputError


class CommaList(str):
    """A text of an option that takes a list, as it was typed.

    >>> CommaList('a, "b,c"').items()
    ('a', 'b,c')
    """

    __slots__ = ()

    def items(self, known: Collection[str] = ()) -> tuple[str, ...]:
        """Return the items of the text.

        Args:
            known: names that are taken as they stand, with their commas, quotes and blanks.

        Raises:
            InputError: a quote is opened and not closed, or text follows a closed one.

        >>> CommaList("a,b").items(known=("a,b", "c")), CommaList("a,,b ").items()
        (('a,b',), ('a', 'b'))
        """
        for name in (str(self), self.strip()):
            if name in known:
                return (name,)
        if "," not in self and '"' not in self:
            return (self.strip(),) if self.strip() else ()
        try:
            lines = list(csv.reader([self], skipinitialspace=True, strict=True))
        except csv.Error as error:
            raise InputError(
                f"expected names with commas between, got {str(self)!r} ({error}): write a name "
                'that has a comma or a quote as "a,b", with "" for a quote in it'
            ) from None
        parts = (part for line in lines for part in line)
        return tuple(part if part in known else part.strip() for part in parts if part.strip())


def items_of(texts: Iterable[str] | None, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return the items of an option that was typed once or several times, in their order.

    Args:
        texts: what was typed, None where nothing was; a plain `str` is one item.
        known: names that are taken as they stand.

    Raises:
        InputError: a quote is opened and not closed.

    >>> items_of([CommaList("a,b"), CommaList('"c,d"'), "e,f"])
    ('a', 'b', 'c,d', 'e,f')
    """
    return tuple(
        item
        for text in texts or ()
        for item in (text.items(known) if isinstance(text, CommaList) else (text,))
    )
