"""Penalties with one seeded fault each, and the check of the battery that must catch it."""

from __future__ import annotations

from shrinkage.penalties import Penalty
from tests.mutants.penalty_faults import (
    arrays,
    concave,
    constraints,
    flags,
    hierarchical,
    prox,
    spectral,
    strengths,
    values,
)

FAULTS: tuple[tuple[Penalty, str], ...] = (
    *values.FAULTS,
    *flags.FAULTS,
    *prox.FAULTS,
    *strengths.FAULTS,
    *arrays.FAULTS,
    *concave.FAULTS,
    *constraints.FAULTS,
    *hierarchical.FAULTS,
    *spectral.FAULTS,
)
