"""Regularize neural networks, and know that it works.

The public names; importing this loads NumPy and nothing heavier. `shrinkage.pytorch` has
`regularize` and `penalty_loss`.

>>> from shrinkage import L1, L2
>>> 3e-5 * L1() + 1e-4 * L2()
3e-05 * L1() on weights() + 0.0001 * L2() on weights()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from shrinkage.conventions import NoEqualStrength, UnknownConvention, convert, timescale
from shrinkage.errors import ShrinkageError
from shrinkage.extras import require
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
from shrinkage.terms import Term, Terms, assign

if TYPE_CHECKING:
    from shrinkage.audits import audit
    from shrinkage.estimators import (
        ShrinkageClassifier,
        ShrinkageClassifierCV,
        ShrinkageRegressor,
        ShrinkageRegressorCV,
    )
    from shrinkage.ranking import best_columns
    from shrinkage.run import fit_path
    from shrinkage.searches import fit_search
    from shrinkage.stability import select_columns
    from shrinkage.surfaces import fit_surface

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

# Public names that are found when first asked for: some of their modules load a framework.
_LAZY = {
    "audit": "shrinkage.audits",
    "best_columns": "shrinkage.ranking",
    "fit_path": "shrinkage.run",
    "fit_search": "shrinkage.searches",
    "fit_surface": "shrinkage.surfaces",
    "select_columns": "shrinkage.stability",
    "ShrinkageClassifier": "shrinkage.estimators",
    "ShrinkageClassifierCV": "shrinkage.estimators",
    "ShrinkageRegressor": "shrinkage.estimators",
    "ShrinkageRegressorCV": "shrinkage.estimators",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        if name != "audit":
            require("paths")
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'shrinkage' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
