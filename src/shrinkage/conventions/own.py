"""Conventions of this library, and timescales, which say the same of decoupled decay in steps."""

from __future__ import annotations

from shrinkage.conventions.base import (
    LEARNING_RATE,
    STEPS_PER_EPOCH,
    VALUE,
    Convention,
    Mechanism,
    Penalises,
    TrainedBy,
)
from shrinkage.conventions.expressions import Product

_PATHS = (
    "update 'loss' or 'gradient' makes equal steps, while 'proximal' has the same stationary points"
)


def _penalty(name: str, formula: str, penalises: Penalises) -> Convention:
    return Convention(
        name=f"shrinkage.{name}",
        meaning=f"mean loss + {formula}",
        penalises=penalises,
        mechanism=Mechanism.OBJECTIVE,
        trainer=TrainedBy.ANY,
        valid_when=_PATHS,
        source="shrinkage.penalties",
    )


def _timescale(unit: str, strength: Product) -> Convention:
    return Convention(
        name=f"timescale.{unit}",
        meaning="a weight without gradient shrinks to 1/e in value " + unit,
        penalises=Penalises.L2,
        mechanism=Mechanism.DECOUPLED,
        trainer=TrainedBy.ANY,
        strength=strength,
        valid_when="learning_rate · weight_decay is small and constant",
        checked_by="its published formula",
        source="Wang and Aitchison, How to set AdamW's weight decay (2025)",
    )


CONVENTIONS = (
    _penalty("l1", "value·Σ|w|", Penalises.L1),
    _penalty("l2", "value·½Σw²", Penalises.L2),
    *(
        _penalty(name, formula, penalises)
        for name, formula, penalises in (
            ("group_lasso", "value·Σ√|g|·‖w_g‖", Penalises.GROUPS),
            ("mcp", "Σ(value·|w| − w²/(2·gamma)), level from gamma·value on", Penalises.MCP),
            ("scad", "value·Σ|w|, bent from value on, level from gamma·value on", Penalises.SCAD),
            ("log_sum", "value·Σ epsilon·log(1 + |w|/epsilon)", Penalises.LOG_SUM),
            ("l_half", "value·Σ√|w|", Penalises.L_HALF),
        )
    ),
    _penalty("elastic_net", "value·(l1_ratio·Σ|w| + (1 − l1_ratio)·½Σw²)", Penalises.MIXED),
    Convention(
        name="shrinkage.l2.decoupled",
        meaning="w ← w·(1 − lr·value); w ← w − lr·Adam(gradient)",
        penalises=Penalises.L2,
        mechanism=Mechanism.DECOUPLED,
        trainer=TrainedBy.ADAM,
        valid_when="L2 with update='decoupled' on Adam",
        source="shrinkage.pytorch.regularize",
    ),
    _timescale("steps", 1 / (VALUE * LEARNING_RATE)),
    _timescale("epochs", 1 / (VALUE * LEARNING_RATE * STEPS_PER_EPOCH)),
)
