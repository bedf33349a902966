"""The one registry of penalties, read by the tests, the command line and the documentation.

Adding a penalty is one new file and one line here. A user's own penalty needs no entry to be
trained with: entries are for what has a name on the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shrinkage.errors import InputError, near_names
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.elastic_net import ElasticNet
from shrinkage.penalties.group_lasso import PER, GroupLasso
from shrinkage.penalties.l1 import L1
from shrinkage.penalties.l2 import L2


@dataclass(frozen=True)
class Option:
    """One constructor argument that the command line offers, as --name with dashes."""

    name: str
    type: type
    default: Any
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One penalty under its name."""

    penalty: type[Penalty]
    formula: str
    summary: str
    options: tuple[Option, ...] = ()

    @property
    def name(self) -> str:
        """The penalty's name on the command line and in files."""
        return self.penalty.name


_L1_RATIO = Option("l1_ratio", float, 0.5, "share of L1, from 0 (L2 alone) to 1 (L1 alone)")
_PER = Option("per", str, "input", "what one group is", choices=tuple(PER))

REGISTRY: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(L1, "Σ|w|", "single weights become exactly zero"),
        Entry(L2, "½ Σ w²", "weights shrink, none becomes exactly zero"),
        Entry(ElasticNet, "l1_ratio·L1 + (1 − l1_ratio)·L2", "both at once", (_L1_RATIO,)),
        Entry(GroupLasso, "Σ_g √|g| ‖w_g‖", "whole units become exactly zero", (_PER,)),
    )
}


def penalty_names() -> tuple[str, ...]:
    """Return the names of all registered penalties.

    >>> penalty_names()
    ('l1', 'l2', 'elastic-net', 'group-lasso')
    """
    return tuple(REGISTRY)


def penalty_from_name(name: str, **options: Any) -> Penalty:
    """Return the penalty with this name.

    Args:
        name: a key of the registry.
        options: constructor arguments that the entry lists.

    Returns:
        The penalty.

    Raises:
        InputError: an unknown name or option, with those nearest to it, or a bad value.

    >>> penalty_from_name("elastic-net", l1_ratio=0.3)
    ElasticNet(l1_ratio=0.3)
    >>> penalty_from_name("elasticnet")
    Traceback (most recent call last):
    shrinkage.errors.InputError: expected a penalty of l1, l2, elastic-net, group-lasso, got \
'elasticnet': did you mean elastic-net?
    """
    if name not in REGISTRY:
        hint = near_names(str(name), REGISTRY) or "choose one of those"
        raise InputError(f"expected a penalty of {', '.join(REGISTRY)}, got {name!r}: {hint}")
    known = [option.name for option in REGISTRY[name].options]
    for option in options:
        if option not in known:
            hint = near_names(option, known) or "leave it out"
            listed = ", ".join(known) or "no options"
            raise InputError(f"expected {listed} for penalty {name}, got {option!r}: {hint}")
    return REGISTRY[name].penalty(**options)
