"""Which parameters a term is on: predicates on `ParameterInfo`, joined by & | ~.

Who uses this: `Term.on`, and whoever asks which parameters a pattern means. A selection that
names no role (a name pattern, a layer, a kind) is about the default weights when a term uses it:
`on("encoder.*")` leaves the encoder's biases alone, `on(layer("encoder") & biases())` takes them.
The objects are frozen and print as the expression that makes them.
"""

from __future__ import annotations

import fnmatch
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from shrinkage.errors import InputError, UnmatchedPattern, near_names
from shrinkage.parameters import ParameterInfo

# The kinds of layers that the frameworks' tables know: a model without convolutions may exclude
# them all the same.
KINDS = ("linear", "conv", "recurrent", "attention", "embedding", "norm", "custom", "array")


class Selection(ABC):
    """A predicate on parameters; `names_role` says whether it decides about roles itself."""

    names_role: bool = False

    @abstractmethod
    def __call__(self, info: ParameterInfo) -> bool:
        """Return whether the parameter is selected."""

    def within_weights(self) -> Selection:
        """Return the selection cut down to the default weights where it names no role."""
        return self if self.names_role else _And(self, weights())

    def mentions(self) -> tuple[_Mention, ...]:
        """Return the selections by name, layer or kind that this one is made of."""
        return ()

    def words(self) -> tuple[str, ...]:
        """Return the words that the selection mentions, for error messages."""
        return tuple(mention.word for mention in self.mentions())

    def __and__(self, other: Selection) -> Selection:
        return _And(self, as_selection(other))

    def __or__(self, other: Selection) -> Selection:
        return _Or(self, as_selection(other))

    def __invert__(self) -> Selection:
        return _Not(self)


@dataclass(frozen=True, repr=False)
class _Role(Selection):
    word: str
    roles: tuple[str, ...]
    names_role = True

    def __call__(self, info: ParameterInfo) -> bool:
        return info.role in self.roles

    def __repr__(self) -> str:
        return f"{self.word}()"


@dataclass(frozen=True, repr=False)
class _Mention(Selection):
    """A selection by a word, which can be misspelt."""

    word: str

    def mentions(self) -> tuple[_Mention, ...]:
        return (self,)

    def is_strange_to(self, infos: Iterable[ParameterInfo]) -> bool:
        """Return whether the word means nothing in a model, so that it may be misspelt."""
        return not any(self(info) for info in infos)


@dataclass(frozen=True, repr=False)
class _Kind(_Mention):
    def __call__(self, info: ParameterInfo) -> bool:
        return info.kind == self.word

    def is_strange_to(self, infos: Iterable[ParameterInfo]) -> bool:
        return self.word not in KINDS and super().is_strange_to(infos)

    def __repr__(self) -> str:
        return f"kind({self.word!r})"


@dataclass(frozen=True, repr=False)
class _Named(_Mention):
    def __call__(self, info: ParameterInfo) -> bool:
        return any(fnmatch.fnmatchcase(name, self.word) for name in info.names)

    def __repr__(self) -> str:
        return f"named({self.word!r})"


@dataclass(frozen=True, repr=False)
class _Layer(_Mention):
    def __call__(self, info: ParameterInfo) -> bool:
        return any(
            fnmatch.fnmatchcase(layer, self.word)
            for name in info.names
            for layer in layers_of(name)
        )

    def __repr__(self) -> str:
        return f"layer({self.word!r})"


@dataclass(frozen=True, repr=False)
class _And(Selection):
    left: Selection
    right: Selection

    @property
    def names_role(self) -> bool:  # type: ignore[override]
        return self.left.names_role or self.right.names_role

    def __call__(self, info: ParameterInfo) -> bool:
        return self.left(info) and self.right(info)

    def within_weights(self) -> Selection:
        if not self.names_role:
            return _And(self, weights())
        left, right = (
            side.within_weights() if side.names_role else side for side in (self.left, self.right)
        )
        return _And(left, right)

    def mentions(self) -> tuple[_Mention, ...]:
        return self.left.mentions() + self.right.mentions()

    def __repr__(self) -> str:
        return f"{_operand(self.left)} & {_operand(self.right)}"


@dataclass(frozen=True, repr=False)
class _Or(Selection):
    left: Selection
    right: Selection

    @property
    def names_role(self) -> bool:  # type: ignore[override]
        return self.left.names_role or self.right.names_role

    def __call__(self, info: ParameterInfo) -> bool:
        return self.left(info) or self.right(info)

    def within_weights(self) -> Selection:
        if not self.names_role:
            return _And(self, weights())
        return _Or(self.left.within_weights(), self.right.within_weights())

    def mentions(self) -> tuple[_Mention, ...]:
        return self.left.mentions() + self.right.mentions()

    def __repr__(self) -> str:
        return f"{self.left!r} | {self.right!r}"


@dataclass(frozen=True, repr=False)
class _Not(Selection):
    inner: Selection

    @property
    def names_role(self) -> bool:  # type: ignore[override]
        return self.inner.names_role

    def __call__(self, info: ParameterInfo) -> bool:
        return not self.inner(info)

    def mentions(self) -> tuple[_Mention, ...]:
        return self.inner.mentions()

    def __repr__(self) -> str:
        inner = f"({self.inner!r})" if isinstance(self.inner, _And | _Or) else repr(self.inner)
        return f"~{inner}"


def _operand(selection: Selection) -> str:
    return f"({selection!r})" if isinstance(selection, _Or) else repr(selection)


def layers_of(name: str) -> tuple[str, ...]:
    """Return the layers that contain a parameter, outermost first.

    Args:
        name: full name of a parameter, parts joined by dots.

    Returns:
        The prefixes of the name.

    >>> layers_of("encoder.0.weight")
    ('encoder', 'encoder.0')
    """
    parts = name.split(".")
    return tuple(".".join(parts[:end]) for end in range(1, len(parts)))


def weights() -> Selection:
    """Return the default: weights of linear, convolution, recurrent, attention, custom layers.

    >>> weights()(ParameterInfo("0.bias", (3,), "bias", "linear"))
    False
    """
    return _Role("weights", ("weight",))


def biases() -> Selection:
    """Return the biases, those of normalization layers too.

    >>> biases()(ParameterInfo("0.bias", (3,), "bias", "linear"))
    True
    """
    return _Role("biases", ("bias",))


def norms() -> Selection:
    """Return the scales of normalization layers.

    >>> norms() | biases()
    norms() | biases()
    """
    return _Role("norms", ("norm",))


def embeddings() -> Selection:
    """Return the embeddings.

    >>> embeddings()(ParameterInfo("e.weight", (9, 4), "embedding", "embedding"))
    True
    """
    return _Role("embeddings", ("embedding",))


def everything() -> Selection:
    """Return every parameter, whatever its role.

    >>> everything() & ~biases()
    everything() & ~biases()
    """
    return _Role("everything", ("weight", "bias", "norm", "embedding", "other"))


def kind(word: str) -> Selection:
    """Return the parameters of one kind of layer: "linear", "conv", "recurrent", "attention", ….

    Args:
        word: the kind, as the table of parameters gives it.

    Returns:
        A selection that names no role: a term cuts it down to the weights.

    >>> kind("conv")(ParameterInfo("0.weight", (3, 2, 3, 3), "weight", "conv"))
    True
    """
    return _Kind(_text(word, "a kind of layer"))


def named(pattern: str) -> Selection:
    """Return the parameters whose full name matches a shell pattern (`*`, `?`, `[…]`).

    Args:
        pattern: matched by `fnmatch` with the whole name, case mattering.

    Returns:
        A selection that names no role: a term cuts it down to the weights.

    >>> named("encoder.*")(ParameterInfo("encoder.0.weight", (3, 2)))
    True

    Source: https://docs.python.org/3/library/fnmatch.html
    """
    return _Named(_text(pattern, "a name pattern"))


def layer(pattern: str) -> Selection:
    """Return the parameters inside a layer, given by its name or a pattern of it.

    Args:
        pattern: name of a module such as "encoder.0", or a shell pattern of one.

    Returns:
        A selection that names no role: a term cuts it down to the weights.

    >>> layer("encoder")(ParameterInfo("encoder.0.weight", (3, 2)))
    True
    """
    return _Layer(_text(pattern, "a layer's name"))


def as_selection(selection: Selection | str) -> Selection:
    """Return a selection as it is, and a string as a pattern of full names.

    Args:
        selection: a selection or a pattern.

    Returns:
        The selection.

    Raises:
        InputError: neither of the two.

    >>> as_selection("encoder.*")
    named('encoder.*')
    """
    if isinstance(selection, str):
        return named(selection)
    if not isinstance(selection, Selection):
        raise InputError(
            f"expected a selection or a name pattern, got {type(selection).__name__}: "
            'use for example on("encoder.*") or on(layer("encoder"))'
        )
    return selection


def select(selection: Selection | str, infos: Iterable[ParameterInfo]) -> tuple[ParameterInfo, ...]:
    """Return the parameters that a term with this selection is on.

    Args:
        selection: a selection or a name pattern; cut down to weights where it names no role.
        infos: the parameters of the model.

    Returns:
        The selected ones, in their order.

    Raises:
        UnmatchedPattern: there is none, or a part of the selection, an exclusion too, names
            nothing in the model; the message lists names like those asked for.

    >>> infos = (ParameterInfo("0.weight", (3, 2)), ParameterInfo("0.bias", (3,), "bias"))
    >>> [info.name for info in select("0.*", infos)]
    ['0.weight']
    >>> select("0.weihgt", infos)
    Traceback (most recent call last):
    shrinkage.errors.UnmatchedPattern: expected named('0.weihgt') to select a parameter, got \
none of 2: did you mean 0.weight?
    """
    infos = tuple(infos)
    asked = as_selection(selection)
    strange = [mention for mention in asked.mentions() if mention.is_strange_to(infos)]
    if strange:
        raise UnmatchedPattern(_unmatched(strange[0], infos, asked))
    selected = tuple(info for info in infos if asked.within_weights()(info))
    if not selected:
        raise UnmatchedPattern(_unmatched(asked, infos))
    return selected


def _unmatched(
    asked: Selection, infos: tuple[ParameterInfo, ...], inside: Selection | None = None
) -> str:
    """Return the message; `inside` is the selection that the one asked about is a part of."""
    loose = [info for info in infos if asked(info)]
    if loose and not asked.names_role:
        roles = sorted({info.role for info in loose})
        return (
            f"expected {asked!r} to select a weight, got {loose[0].name} and "
            f"{len(loose) - 1} more of role {', '.join(roles)}: name the role too, as in "
            f"{_operand(asked)} & {_ROLE_WORDS.get(roles[0], 'everything')}()"
        )
    names = [name for info in infos for name in info.names]
    layers = {part for name in names for part in layers_of(name)}
    kinds = sorted({info.kind for info in infos})
    candidates = dict.fromkeys([*names, *layers, *kinds])
    hints = [
        f"{word} is a layer, whose weights are layer({word!r}) or '{word}.*'"
        if word in layers
        else near_names(word, candidates)
        for word in asked.words()
    ]
    hint = " ".join(hint for hint in hints if hint) or _listed(infos)
    if asked.names_role and infos:
        hint += "; everything() takes them whatever their role"
    part = "" if inside is None or inside == asked else f" in {inside!r}"
    return f"expected {asked!r}{part} to select a parameter, got none of {len(infos)}: {hint}"


def _listed(infos: tuple[ParameterInfo, ...]) -> str:
    """Return names with what they are, since a role is what a selection by role looks at."""
    names = (" = ".join(info.names) or "the array itself" for info in infos[:8])
    shown = ", ".join(f"{name} ({info.role})" for name, info in zip(names, infos, strict=False))
    return f"the parameters are {shown}{', …' if len(infos) > 8 else ''}"


_ROLE_WORDS = {"bias": "biases", "norm": "norms", "embedding": "embeddings", "weight": "weights"}


def _text(value: str, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"expected {what} as text, got {value!r}: give a string")
    return value
