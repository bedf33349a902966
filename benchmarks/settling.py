"""Models that end early against the same ones trained to the last epoch.

The data sets of `fast.py`, MLP 64-32, twelve strengths over four decades, three folds, default
recipe, float32, one thread; full, with the default of 1e-6 and with the 0.01 of `--fast`. Of the
models of all folds: how many ended, the share of epochs that were trained, and the largest changes
of a score, of the share of zeros, and of a validation loss relative to itself.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from fast import MODEL, SETS
from recording import write_result

from shrinkage.datasets import Dataset
from shrinkage.paths import PathOptions
from shrinkage.paths.fit import validate
from shrinkage.paths.running.outcomes import UnitOutcome
from shrinkage.paths.running.plan import make_plan
from shrinkage.paths.running.progress import Silent
from shrinkage.paths.running.store import Store
from shrinkage.penalties import Penalty

STRENGTHS, SEED = 12, 7
TOLERANCES = (1e-6, 0.01)


def measured(outcomes: list[UnitOutcome]) -> dict[str, np.ndarray]:
    """Return the measures of all models of all folds in a row."""
    names = outcomes[0].values
    zeros = [name for name in names if name.startswith("nonzero/")]
    own = {
        name: np.concatenate([outcome.values[name] for outcome in outcomes])
        for name in ("score", "validation_loss", "epochs", *zeros)
        if name in names
    }
    own["nonzero"] = np.sum([own.pop(name) for name in zeros], axis=0)
    return own


def compared(data: Dataset, penalty: Penalty) -> dict[str, Any]:
    """Return what ending early changes on one data set."""
    options = PathOptions(strengths=STRENGTHS, seed=SEED, folds=3, repeats=1, settle=0.0)
    plan = make_plan(MODEL, data, penalty, options)
    terms = plan.problem.terms
    grid = ((strength,) for strength in np.geomspace(1e-4, 1.0, STRENGTHS))
    settings = terms.unregularized + terms.settings(grid)

    def trained(tolerance: float) -> dict[str, np.ndarray]:
        own = replace(plan, problem=replace(plan.problem, settle=tolerance))
        return measured(validate(own, 0, settings, Store(None), Silent(), "cross validation"))

    full, epochs = trained(0.0), plan.problem.recipe.epochs
    figures: dict[str, Any] = {"models": len(full["score"]), "epochs": epochs}
    for tolerance in TOLERANCES:
        early = trained(tolerance)
        loss = np.abs(early["validation_loss"] / full["validation_loss"] - 1)
        zeros = np.abs(early["nonzero"] - full["nonzero"])
        figures[f"{tolerance:g}"] = {
            "ended": int((early["epochs"] < epochs).sum()),
            "share_of_epochs": round(float(early["epochs"].mean() / epochs), 3),
            "score": round(float(np.abs(early["score"] - full["score"]).max()), 6),
            "zeros": int(zeros.max()),
            "share_of_zeros": float(zeros.max() / plan.problem.n_weights),
            "loss": float(np.nanmax(loss)),
        }
    return figures


def main() -> None:
    """Compare on every data set that is here; names as arguments: on these, nothing is written."""
    torch.set_num_threads(1)
    figures: dict[str, Any] = {}
    for name, (make, penalty) in SETS.items():
        data = make() if name in sys.argv[1:] or len(sys.argv) == 1 else None
        if data is None:
            continue
        own = figures[name] = compared(data, penalty)
        for tolerance in TOLERANCES:
            told = own[f"{tolerance:g}"]
            print(
                f"{name:14} {tolerance:g}: {told['ended']} of {own['models']} ended, "
                f"{told['share_of_epochs']:.0%} of the epochs; largest change of a score "
                f"{told['score']:.2g}, of zeros {told['zeros']}, of a loss {told['loss']:.1g}",
                flush=True,
            )
    if len(sys.argv) == 1:
        write_result("settling", {"sets": figures})


if __name__ == "__main__":
    main()
