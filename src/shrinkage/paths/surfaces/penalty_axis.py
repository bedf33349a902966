"""The penalty as an axis: its values are words, each a penalty with a grid of its own.

Who uses this: the specifications of surfaces and searches, and what makes variants of them. A
penalty is no column of a stack: each value is a variant, trained as a path of that penalty is, bit
for bit, whatever penalties stand beside it. What the variants share is the choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from shrinkage.errors import InputError
from shrinkage.penalties import Penalty

PENALTY, STRENGTH = "penalty", "strength"
"""The names of the axis, and of that of its strengths."""


def choices_of(vary: Mapping[str, Any] | None) -> dict[str, Penalty]:
    """Return the penalties of the axis by their words, none where it is no axis.

    Raises:
        InputError: a value is neither a penalty nor the name of one, or stands twice.

    >>> from shrinkage.penalties import ElasticNet
    >>> choices_of({"penalty": ("lasso", "l2", ElasticNet(0.3))})
    {'l1': L1(), 'l2': L2(), 'elastic-net(l1_ratio=0.3)': ElasticNet(l1_ratio=0.3)}
    """
    values = (vary or {}).get(PENALTY)
    if values is None:
        return {}
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
        raise InputError(
            f"expected the values of the axis {PENALTY} as a list, got {values!r}: write for "
            "example ('l1', 'l2', 'group-lasso')"
        )
    listed = [_penalty(value) for value in values]
    choices = {word_of(penalty): penalty for penalty in listed}
    if len(choices) < len(listed):
        raise InputError(f"expected each value of the axis {PENALTY} once, got {list(values)}")
    return choices


def penalties_of(
    penalties: object, choices: Mapping[str, Penalty], default: tuple[Penalty, ...]
) -> tuple[Penalty, ...]:
    """Return the penalties whose strengths vary, the first of an axis of penalties before them.

    Args:
        penalties: what was given, None where nothing was.
        choices: the axis of penalties; those given stand beside it.
        default: what stands for nothing, without such an axis.

    Raises:
        InputError: something is no penalty, or there is none.
    """
    if penalties is None:
        penalties = () if choices else default
    listed: Any = tuple(penalties) if isinstance(penalties, Sequence) else (penalties,)
    for penalty in listed:
        if not hasattr(penalty, "prox") or isinstance(penalty, type):
            raise InputError(
                f"expected penalties without a strength, such as (L1(), L2()), got {penalty!r}"
            )
    if not listed and not choices:
        raise InputError("expected at least one penalty, such as (L1(), L2()), got none")
    return (*list(choices.values())[:1], *listed)


def names_of(
    penalties: Sequence[Penalty], choices: Mapping[str, Penalty] | None = None
) -> tuple[str, ...]:
    """Return what the axes of strengths are called, numbered where two are of one kind.

    >>> from shrinkage.penalties import L1, L2
    >>> names_of((L1(), L2(), L1())), names_of((L1(), L2()), {"l1": L1()})
    (('l1', 'l2', 'l1_2'), ('strength', 'l2'))
    """
    names: list[str] = [STRENGTH] if choices else []
    for penalty in penalties[len(names) :]:
        name = penalty.name
        alike = sum(1 for other in names if other.partition("_")[0] == name)
        names.append(f"{name}_{alike + 1}" if alike else name)
    return tuple(names)


def word_of(penalty: Penalty) -> str:
    """Return a penalty as it is typed: its name, and its fields where they are not the default.

    >>> from shrinkage.penalties import L1, GroupLasso
    >>> word_of(L1()), word_of(GroupLasso(per="output"))
    ('l1', 'group-lasso(per=output)')
    """
    try:
        usual: object = type(penalty)()
    except TypeError:  # one of the user's own that has no default
        usual = None
    names = [field.name for field in fields(penalty)]  # type: ignore[arg-type]
    own = {name: getattr(penalty, name) for name in names}
    typed = [f"{k}={v}" for k, v in own.items() if repr(v) != repr(getattr(usual, k, None))]
    return f"{penalty.name}({','.join(typed)})" if typed else penalty.name


def _penalty(value: object) -> Penalty:
    if not isinstance(value, str):
        (penalty,) = penalties_of([value], {}, ())
        return penalty
    from shrinkage.terms.text import written_term

    if "*" in value:
        raise InputError(
            f"expected a penalty without a strength on the axis {PENALTY}, such as l2, got "
            f"{value!r}: its strength varies"
        )
    return written_term(f"1*{value}", f"a value of {PENALTY}").term().penalty
