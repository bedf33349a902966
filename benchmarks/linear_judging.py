"""What `linear_vs_peers.py` says of a cell: the certificates of what was solved, and the goals."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from linear_cells import FOLDS, Cell, family_of, loss_of

from shrinkage.paths.engines.linear.solver import Solver

NOTHING = 1e-9
"""What of a peer's coefficients is no coefficient: some end beside zero."""

GAP, APART = 1e-6, 1e-5
OF_SCIKIT_LEARN, OF_PEERS = 1.0, 2.0
CLASS_SECONDS = 12.0
COMPARABLE = {"L1": 1e-8, "group": 1e-8, "L2": 1e-12, "elastic net": 1e-12}
"""Gaps of coefficients that may be compared to five digits: of ridges squared distances."""


def ours(cell: Cell) -> tuple[float, list[np.ndarray], float]:
    """Return CPU seconds, the weights of every fold (strengths, outputs, inputs), and the gap."""
    begin, weights, gap = time.process_time(), [], 0.0
    for fold in range(FOLDS):
        solver = Solver(loss_of(cell, fold))
        path = solver.path(family_of(cell))
        weights.append(path.weights)
        gap = max(gap, float(path.gaps.max()))
    return time.process_time() - begin, weights, gap


def gap_of(cell: Cell, fold: int, weights: np.ndarray) -> float:
    """Return the largest relative duality gap of a fold, intercepts at their best."""
    solver = Solver(loss_of(cell, fold))
    family = family_of(cell)
    return max(solver.gap_of(own, family.norms(place)) for place, own in enumerate(weights))


def judged(cell: Cell, kept: Any) -> dict[str, Any]:
    """Return seconds and gap of the loosest tolerance with a certificate, else of the last one."""
    figures: dict[str, Any] = {"said": str(kept["said"])}
    for number in range(sum(name.startswith("tolerance_") for name in kept)):
        weights = [kept[f"weights_{number}_{fold}"] for fold in range(FOLDS)]
        gap = max(gap_of(cell, fold, own) for fold, own in enumerate(weights))
        if gap <= COMPARABLE[cell.penalty]:
            figures["weights"] = weights
        if figures.get("gap", np.inf) > GAP:
            figures |= {
                "seconds": round(float(kept[f"seconds_{number}"]), 4),
                "tolerance": float(kept[f"tolerance_{number}"]),
                "gap": gap,
            }
    return figures


def zeros_apart(cell: Cell, ours: list[np.ndarray], theirs: list[np.ndarray]) -> int:
    """Return how many zeros differ between the folds of two, (strengths, outputs, inputs) each.

    At the minimizer a column that is constant in a fold has no weight, as the intercept does the
    same for nothing; what a peer leaves there is what its tolerance leaves, and only ours is asked.
    """
    apart = 0
    for fold, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        x = cell.x[cell.folds != fold]
        nothing = np.where((x == x[0]).all(axis=0), 0.0, np.abs(b)) < NOTHING
        apart += int(((a == 0) != nothing).sum())
    return apart


def goals_of(figures: dict[str, Any]) -> dict[str, bool | None]:
    """Return which goals are met; None where there is nobody to compare with."""
    ratio, whole_ratio, apart = figures["ratio"], figures["whole_ratio"], figures["apart"]
    if figures["whole"].get("class", 0.0) >= CLASS_SECONDS and whole_ratio > OF_SCIKIT_LEARN:
        whole_ratio = None  # the class was ended before it was done
    return {
        "gap": figures["gap"] <= GAP,
        "peers": None if ratio is None else ratio <= OF_PEERS,
        "scikit-learn": None if whole_ratio is None else whole_ratio <= OF_SCIKIT_LEARN,
        "coefficients": min(apart.values()) <= APART if apart else None,
        "zeros": min(figures["zeros_apart"].values()) == 0 if apart else None,
    }


def told(figures: dict[str, Any]) -> str:
    """Return a line of figures."""
    parts = [f"solved {figures['seconds']:.3f} s, gap {figures['gap']:.0e}"]
    for peer, own in figures["peers"].items():
        if "seconds" in own:
            mark = "" if own["gap"] <= GAP else f" (gap {own['gap']:.0e})"
            parts.append(f"{peer} {own['seconds']:.3f}{mark}")
        elif own["said"] not in ("has no such model", ""):
            parts.append(f"{peer}: {own['said']}")
    own = figures["whole"]
    parts.append(f"whole {own['ours']:.2f} s, scikit-learn's class {own.get('class', '-')}")
    if figures["apart"]:
        parts.append(f"apart {min(figures['apart'].values()):.0e}")
        parts.append(f"zeros that differ {min(figures['zeros_apart'].values())}")
    return "; ".join(parts)
