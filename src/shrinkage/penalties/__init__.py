"""The mathematics of one array: penalties without strength, their registry and their battery."""

from __future__ import annotations

from shrinkage.penalties.base import Combination, Penalty
from shrinkage.penalties.block_lasso import BlockLasso
from shrinkage.penalties.cardinality import Cardinality
from shrinkage.penalties.checks import CheckReport, PenaltyCheckFailed, check_penalty
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
from shrinkage.penalties.options import Option, option, options_of, variants_of
from shrinkage.penalties.orthogonality import Orthogonal, SoftOrthogonality
from shrinkage.penalties.rank import Rank
from shrinkage.penalties.registry import (
    REGISTRY,
    penalty_class,
    penalty_from_name,
    penalty_names,
    registered_name,
)
from shrinkage.penalties.reweighted_l1 import ReweightedL1
from shrinkage.penalties.scad import SCAD
from shrinkage.penalties.some_units import OnSomeUnits, Units
from shrinkage.penalties.sparse_group_lasso import SparseGroupLasso
from shrinkage.penalties.spectral import NO_METRIC
from shrinkage.penalties.weighted_sum import WeightedSum

__all__ = [
    "L0",
    "L1",
    "L2",
    "MCP",
    "NO_METRIC",
    "REGISTRY",
    "SCAD",
    "BlockLasso",
    "Cardinality",
    "CheckReport",
    "Combination",
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
    "Option",
    "Orthogonal",
    "Penalty",
    "PenaltyCheckFailed",
    "Rank",
    "ReweightedL1",
    "SoftOrthogonality",
    "SparseGroupLasso",
    "Units",
    "WeightedSum",
    "check_penalty",
    "option",
    "options_of",
    "penalty_class",
    "penalty_from_name",
    "penalty_names",
    "registered_name",
    "variants_of",
]
