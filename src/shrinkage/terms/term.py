"""Strength × penalty on a selection of parameters, and sums of that.

Who uses this: people write them, `assign` and the framework packages read them. The objects are
frozen: what varies in training is an argument elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from shrinkage.arrays import as_number, is_traced
from shrinkage.checks import number
from shrinkage.errors import InputError, near_names
from shrinkage.penalties import Penalty
from shrinkage.selections import Selection, as_selection, weights

UPDATES = ("loss", "gradient", "decoupled", "proximal")
# Rules of decoupled decay, for L2 alone, in the frameworks that say so.
DECAY_RULES = ("corrected", "cautious")


@dataclass(frozen=True)
class Term:
    """strength × penalty on a selection of parameters; terms add up to `Terms`.

    Args:
        strength: λ, a finite number of at least 0; 0 is exactly no penalty. In JAX also a number
            that is traced, as by `jax.vmap` over strengths, whose range nobody checks.
        penalty: the penalty, which carries no strength.
        selection: which parameters, a selection or a name pattern; the default is every weight.
        update: one of "loss", "gradient", "decoupled", "proximal", or of the rules of decoupled
            decay, "corrected" and "cautious"; None leaves it to the caller.
        reference: name → array that the penalty is measured from; None is zero.
        name: what the term is called; in a sum its id. Without one, its text is.

    Raises:
        InputError: a strength that is no finite number of at least 0, no penalty, no update.

    >>> from shrinkage.penalties import L1
    >>> 3e-5 * L1()
    3e-05 * L1() on weights()
    """

    strength: float
    penalty: Penalty
    selection: Selection = field(default_factory=weights)
    update: str | None = None
    reference: Mapping[str, Any] | None = field(default=None, compare=False)
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", checked_strength(self.strength))
        object.__setattr__(self, "selection", as_selection(self.selection))
        if not isinstance(self.penalty, Penalty):
            raise InputError(
                f"expected a penalty, got {self.penalty!r}: give an object such as L1()"
            )
        if self.update is not None:
            checked_update(self.update)

    def on(self, *selections: Selection | str) -> Term:
        """Return the term on other parameters: those of any of the selections or patterns.

        >>> from shrinkage.penalties import L2
        >>> (0.1 * L2()).on("encoder.*", "head.*")
        0.1 * L2() on named('encoder.*') | named('head.*')
        """
        if not selections:
            raise InputError("expected at least one selection, got none: on() needs a pattern")
        chosen, *others = (as_selection(selection) for selection in selections)
        for other in others:
            chosen = chosen | other
        return replace(self, selection=chosen)

    def with_update(self, update: str) -> Term:
        """Return the term with an update of its own, whatever the others have.

        >>> from shrinkage.penalties import L2
        >>> (0.1 * L2()).with_update("decoupled").update
        'decoupled'
        """
        return replace(self, update=checked_update(update))

    def around(self, reference: Mapping[str, Any]) -> Term:
        """Return the term measured from a copy of these arrays (name → array), not from zero.

        >>> from shrinkage.penalties import L2
        >>> sorted((0.1 * L2()).around({"w": np.ones(3)}).reference)
        ['w']
        """
        return replace(self, reference=_copies(reference))

    def named(self, name: str) -> Term:
        """Return the term with a name, by which its strength is found.

        >>> from shrinkage.penalties import L2
        >>> (1e-2 * L2()).named("decay") + 1e-4 * L2()
        0.01 * L2() on weights() named 'decay' + 0.0001 * L2() on weights()
        """
        if not isinstance(name, str) or not name:
            raise InputError(f"expected a name as text, got {name!r}: give for example 'decay'")
        return replace(self, name=name)

    def scaled(self, factor: float) -> Term:
        """Return the term with its strength multiplied by a number.

        >>> from shrinkage.penalties import L2
        >>> (0.1 * L2()).scaled(2).strength
        0.2
        """
        return replace(self, strength=self.strength * checked_strength(factor))

    @property
    def strength_text(self) -> str:
        """The strength as tables have it: a number, or "traced"."""
        return "traced" if is_traced(self.strength) else f"{self.strength:g}"

    def __add__(self, other: Term | Terms) -> Terms:
        return as_terms(self) + other

    def __radd__(self, other: Any) -> Terms:
        return other + as_terms(self)

    def __repr__(self) -> str:
        return (
            f"{self.strength_text} * {self.penalty!r} on {self.selection!r}"
            f"{'' if self.reference is None else ' around a reference'}"
            f"{'' if self.update is None else f' ({self.update})'}"
            f"{f' named {self.name!r}' if self.name else ''}"
        )


@dataclass(frozen=True)
class Terms:
    """A sum of terms: Σ strength·penalty(selected parameters).

    >>> from shrinkage.penalties import L1, L2
    >>> 3e-5 * L1() + 1e-4 * L2()
    3e-05 * L1() on weights() + 0.0001 * L2() on weights()
    """

    terms: tuple[Term, ...]

    def __add__(self, other: Any) -> Terms:
        if not isinstance(other, Term | Terms):
            return NotImplemented
        return Terms(self.terms + as_terms(other).terms)

    def __radd__(self, other: Any) -> Terms:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # for sum()

    @cached_property
    def by_id(self) -> Mapping[str, Term]:
        """Each term by its id: its name, else its text, numbered where terms print alike.

        >>> from shrinkage.penalties import L2
        >>> term = 0.1 * L2()
        >>> list((term + term).by_id)
        ['0.1 * L2() on weights()', '0.1 * L2() on weights() (2)']
        """
        named: dict[str, Term] = {}
        for term in self.terms:
            text = term.name or repr(term)
            if term.name and term.name in named:
                raise InputError(
                    f"expected each name once in a sum of terms, got {term.name!r} twice: "
                    "give the terms different names"
                )
            alike = sum(1 for other in named.values() if (other.name or repr(other)) == text)
            named[f"{text} ({alike + 1})" if alike else text] = term
        return named

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each term, in their order."""
        return tuple(self.by_id)

    def id_of(self, term: Term | str | int) -> str:
        """Return the id of one of the terms.

        Args:
            term: the term itself, one that equals it, its id, or its number from 0.

        Raises:
            InputError: there is no such term, or several are equal to it.

        >>> from shrinkage.penalties import L1, L2
        >>> (0.1 * L1() + 0.2 * L2()).id_of(0.2 * L2())
        '0.2 * L2() on weights()'
        """
        if isinstance(term, int) and not isinstance(term, bool):
            if not 0 <= term < len(self.terms):
                raise InputError(
                    f"expected the number of a term from 0 to {len(self.terms) - 1}, got {term}: "
                    "give the term itself"
                )
            return self.ids[term]
        if isinstance(term, str) and term in self.by_id:
            return term
        itself = [name for name, own in self.by_id.items() if own is term]
        equal = itself or [name for name, own in self.by_id.items() if own == term]
        if len(equal) == 1:
            return equal[0]
        if equal:
            raise InputError(
                f"expected one term, got {term!r}, which {len(equal)} equal: give the term "
                f"that was added itself, or an id, {' or '.join(map(repr, equal))}"
            )
        text = term if isinstance(term, str) else repr(term)
        hint = near_names(text, self.ids) or f"the terms are {', '.join(self.ids)}"
        raise InputError(f"expected one of the terms, got {text}: {hint}")

    def __iter__(self) -> Iterator[Term]:
        return iter(self.terms)

    def __len__(self) -> int:
        return len(self.terms)

    def on(self, *selections: Selection | str) -> Terms:
        """Return every term on other parameters."""
        return Terms(tuple(term.on(*selections) for term in self))

    def with_update(self, update: str) -> Terms:
        """Return every term with this update."""
        return Terms(tuple(term.with_update(update) for term in self))

    def around(self, reference: Mapping[str, Any]) -> Terms:
        """Return every term measured from one copy of these arrays."""
        copy = _copies(reference)
        return Terms(tuple(replace(term, reference=copy) for term in self))

    def scaled(self, factor: float) -> Terms:
        """Return every term with its strength multiplied by a number."""
        return Terms(tuple(term.scaled(factor) for term in self))

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms)) or "no terms"


def as_terms(terms: Term | Terms | Iterable[Term]) -> Terms:
    """Return a term, a sum of terms or several terms as one sum.

    Args:
        terms: what a caller may pass where terms are expected.

    Returns:
        The sum.

    Raises:
        InputError: something else, for example a penalty without a strength.

    >>> from shrinkage.penalties import L1
    >>> len(as_terms(0.1 * L1()))
    1
    """
    if isinstance(terms, Terms):
        return terms
    if isinstance(terms, Term):
        return Terms((terms,))
    if isinstance(terms, Penalty):
        raise InputError(
            f"expected terms, got the penalty {terms!r} without a strength: "
            f"multiply it, as in 1e-4 * {terms!r}"
        )
    if not isinstance(terms, list | tuple) or not all(isinstance(term, Term) for term in terms):
        raise InputError(
            f"expected terms such as 1e-4 * L1(), got {type(terms).__name__}: "
            "multiply a penalty by a strength and add the terms"
        )
    return Terms(tuple(terms))


def checked_update(update: str) -> str:
    """Return the update's name, or say which names there are.

    >>> checked_update("proximal")
    'proximal'
    """
    names = UPDATES + DECAY_RULES
    if update not in names:
        hint = near_names(str(update), names) or "choose one of those"
        raise InputError(f"expected an update of {', '.join(names)}, got {update!r}: {hint}")
    return update


def checked_strength(value: Any) -> Any:
    """Return a strength as a float, one that JAX traces as it is, or say what one is.

    >>> checked_strength(1)
    1.0
    """
    if is_traced(value) and value.ndim == 0:
        return value
    return number(as_number(value), "a strength", hint="write for example 1e-4 * L1()")


def _copies(reference: Any) -> Mapping[str, Any]:
    """Return a copy of the arrays of a reference, which later changes of the given ones miss."""
    if not isinstance(reference, Mapping) or not reference:
        raise InputError(
            f"expected a mapping of parameter names to arrays, got "
            f"{type(reference).__name__}: give for example model.state_dict()"
        )
    return {name: _copied(value) for name, value in reference.items()}


def _copied(value: Any) -> Any:
    return value.detach().clone() if hasattr(value, "detach") else np.array(value)
