"""Regularize neural networks, and know that it works.

The public names; each loads what it needs when it is first asked for, most of them NumPy alone.
`shrinkage.pytorch` has `regularize` and `penalty_loss`.

>>> from shrinkage import L1, L2
>>> 3e-5 * L1() + 1e-4 * L2()
3e-05 * L1() on weights() + 0.0001 * L2() on weights()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shrinkage.audits import audit
    from shrinkage.conventions import NoEqualStrength, UnknownConvention, convert, timescale
    from shrinkage.errors import ShrinkageError
    from shrinkage.estimators import (
        ShrinkageClassifier,
        ShrinkageClassifierCV,
        ShrinkageRegressor,
        ShrinkageRegressorCV,
    )
    from shrinkage.parameters import ParameterInfo
    from shrinkage.penalties import (
        L0,
        L1,
        L2,
        MCP,
        SCAD,
        BlockLasso,
        Cardinality,
        ElasticNet,
        GlobalCardinality,
        GroupLasso,
        Hierarchical,
        LHalf,
        LogSum,
        MaxNorm,
        NOfM,
        NonNegative,
        NuclearNorm,
        OnSomeUnits,
        Orthogonal,
        Penalty,
        Rank,
        ReweightedL1,
        SoftOrthogonality,
        SparseGroupLasso,
        Units,
    )
    from shrinkage.ranking import best_columns
    from shrinkage.run import fit_path
    from shrinkage.searches import fit_search
    from shrinkage.selections import (
        Selection,
        biases,
        embeddings,
        everything,
        kind,
        layer,
        named,
        norms,
        weights,
    )
    from shrinkage.stability import select_columns
    from shrinkage.surfaces import fit_surface
    from shrinkage.terms import Term, Terms, assign

__version__ = "0.1.0"

__all__ = [
    "L0",
    "L1",
    "L2",
    "MCP",
    "SCAD",
    "BlockLasso",
    "Cardinality",
    "ElasticNet",
    "GlobalCardinality",
    "GroupLasso",
    "Hierarchical",
    "LHalf",
    "LogSum",
    "MaxNorm",
    "NOfM",
    "NoEqualStrength",
    "NonNegative",
    "NuclearNorm",
    "OnSomeUnits",
    "Orthogonal",
    "ParameterInfo",
    "Penalty",
    "Rank",
    "ReweightedL1",
    "Selection",
    "ShrinkageClassifier",
    "ShrinkageClassifierCV",
    "ShrinkageError",
    "ShrinkageRegressor",
    "ShrinkageRegressorCV",
    "SoftOrthogonality",
    "SparseGroupLasso",
    "Term",
    "Terms",
    "Units",
    "UnknownConvention",
    "assign",
    "audit",
    "best_columns",
    "biases",
    "convert",
    "embeddings",
    "everything",
    "fit_path",
    "fit_search",
    "fit_surface",
    "kind",
    "layer",
    "named",
    "norms",
    "select_columns",
    "timescale",
    "weights",
]

_ROOMS = {
    "conventions": (
        "NoEqualStrength",
        "UnknownConvention",
        "convert",
        "timescale",
    ),
    "errors": ("ShrinkageError",),
    "parameters": ("ParameterInfo",),
    "penalties": (
        "L0",
        "L1",
        "L2",
        "MCP",
        "SCAD",
        "BlockLasso",
        "Cardinality",
        "ElasticNet",
        "GlobalCardinality",
        "GroupLasso",
        "Hierarchical",
        "LHalf",
        "LogSum",
        "MaxNorm",
        "NOfM",
        "NonNegative",
        "NuclearNorm",
        "OnSomeUnits",
        "Orthogonal",
        "Penalty",
        "Rank",
        "ReweightedL1",
        "SoftOrthogonality",
        "SparseGroupLasso",
        "Units",
    ),
    "selections": (
        "Selection",
        "biases",
        "embeddings",
        "everything",
        "kind",
        "layer",
        "named",
        "norms",
        "weights",
    ),
    "terms": (
        "Term",
        "Terms",
        "assign",
    ),
    "audits": ("audit",),
    "estimators": (
        "ShrinkageClassifier",
        "ShrinkageClassifierCV",
        "ShrinkageRegressor",
        "ShrinkageRegressorCV",
    ),
    "ranking": ("best_columns",),
    "run": ("fit_path",),
    "searches": ("fit_search",),
    "stability": ("select_columns",),
    "surfaces": ("fit_surface",),
}
"""Where each public name is: found when first asked for, so that a command that is stopped while
NumPy or a framework loads can say so."""

_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}
_LIGHT = ("arrays", "audits", "checks", "conventions", "errors", "extras", "parameters")
_LIGHT += ("penalties", "selections", "terms")
"""Rooms that need NumPy and nothing heavier."""


def __getattr__(name: str) -> Any:
    if name in _LIGHT:
        return importlib.import_module(f"shrinkage.{name}")
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'shrinkage' has no attribute {name!r}")
    room = _ROOM_OF[name]
    if room not in _LIGHT:
        from shrinkage.extras import require

        require("paths")
    return getattr(importlib.import_module(f"shrinkage.{room}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
