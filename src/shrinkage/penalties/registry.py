"""The one registry of penalties, read by the tests, the command line and the documentation.

Adding a penalty is one new file and one line here. A user's own penalty needs no entry to be
trained with: entries are for what has a name on the command line.
"""

from __future__ import annotations

import re
from typing import Any

from shrinkage.errors import InputError, near_names
from shrinkage.penalties.base import Penalty
from shrinkage.penalties.block_lasso import BlockLasso
from shrinkage.penalties.cardinality import Cardinality
from shrinkage.penalties.elastic_net import ElasticNet
from shrinkage.penalties.global_cardinality import GlobalCardinality
from shrinkage.penalties.group_lasso import GroupLasso
from shrinkage.penalties.hierarchical import Hierarchical
from shrinkage.penalties.l0 import L0
from shrinkage.penalties.l1 import L1
from shrinkage.penalties.l2 import L2
from shrinkage.penalties.l_half import LHalf
from shrinkage.penalties.log_sum import LogSum
from shrinkage.penalties.max_norm import MaxNorm
from shrinkage.penalties.mcp import MCP
from shrinkage.penalties.n_of_m import NOfM
from shrinkage.penalties.non_negative import NonNegative
from shrinkage.penalties.nuclear_norm import NuclearNorm
from shrinkage.penalties.options import options_of
from shrinkage.penalties.orthogonality import Orthogonal, SoftOrthogonality
from shrinkage.penalties.rank import Rank
from shrinkage.penalties.reweighted_l1 import ReweightedL1
from shrinkage.penalties.scad import SCAD
from shrinkage.penalties.sparse_group_lasso import SparseGroupLasso

REGISTRY: dict[str, type[Penalty]] = {
    penalty.name: penalty
    for penalty in (
        L1,
        L2,
        ElasticNet,
        GroupLasso,
        SparseGroupLasso,
        BlockLasso,
        Hierarchical,
        MCP,
        SCAD,
        LogSum,
        ReweightedL1,
        LHalf,
        L0,
        Cardinality,
        GlobalCardinality,
        NOfM,
        MaxNorm,
        NonNegative,
        NuclearNorm,
        Rank,
        SoftOrthogonality,
        Orthogonal,
    )
}


def penalty_names() -> tuple[str, ...]:
    """Return the names of all registered penalties.

    >>> penalty_names()[:4]
    ('l1', 'l2', 'elastic-net', 'group-lasso')
    """
    return tuple(REGISTRY)


def registered_name(name: str) -> str:
    """Return the key in the registry of a name as people type it.

    Capitals, dashes, underscores and blanks do not count, and names of other libraries
    (`also_called` of the penalties) are understood.

    Args:
        name: a key of the registry, or another name of the penalty.

    Raises:
        InputError: an unknown name, with those nearest to it.

    >>> registered_name("lasso"), registered_name("weight_decay"), registered_name("Elastic Net")
    ('l1', 'l2', 'elastic-net')
    """
    names = {
        _plain(known): key
        for key, penalty in REGISTRY.items()
        for known in (*penalty.also_called, key)
    }
    if name in REGISTRY:
        return name
    if _plain(name) not in names:
        known = [other for key, p in REGISTRY.items() for other in (key, *p.also_called)]
        hint = near_names(str(name), known) or "choose one of those"
        raise InputError(f"expected a penalty of {', '.join(REGISTRY)}, got {name!r}: {hint}")
    return names[_plain(name)]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def penalty_class(name: str) -> type[Penalty]:
    """Return the class of the registered penalty with this name.

    Args:
        name: a key of the registry, or another name of the penalty.

    Returns:
        The class.

    Raises:
        InputError: an unknown name, with those nearest to it.

    >>> penalty_class("l1")
    <class 'shrinkage.penalties.l1.L1'>
    """
    return REGISTRY[registered_name(name)]


def penalty_from_name(name: str, **options: Any) -> Penalty:
    """Return the penalty with this name.

    Args:
        name: a key of the registry, or another name of the penalty.
        options: constructor arguments, of those that `options_of` lists.

    Returns:
        The penalty.

    Raises:
        InputError: an unknown name or option, with those nearest to it, or a bad value.

    >>> penalty_from_name("elastic-net", l1_ratio=0.3)
    ElasticNet(l1_ratio=0.3)
    >>> penalty_from_name("elstic-net")
    Traceback (most recent call last):
    shrinkage.errors.InputError: expected a penalty of l1, l2, ..., got 'elstic-net': did you \
mean elastic-net...
    """
    penalty = penalty_class(name)
    known = [option.name for option in options_of(penalty)]
    for option in options:
        if option not in known:
            hint = near_names(option, known) or "leave it out"
            listed = ", ".join(known) or "no options"
            raise InputError(f"expected {listed} for penalty {name}, got {option!r}: {hint}")
    return penalty(**options)
