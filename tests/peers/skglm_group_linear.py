"""Solve a group lasso regression over unequal groups by skglm: NPZ in, NPZ out.

A program of its own for the reason that `skglm_group_logistic` gives.

    NUMBA_DISABLE_JIT=1 python skglm_group_linear.py PROBLEM.npz SOLUTION.npz
"""

from __future__ import annotations

import sys

import numpy as np


def main() -> None:
    """`labels` say which columns are a group; those of label `free` have weight 0, others √|g|."""
    from skglm.datafits import QuadraticGroup
    from skglm.penalties import WeightedGroupL2
    from skglm.solvers import GroupBCD
    from skglm.utils.data import grp_converter

    problem = np.load(sys.argv[1])
    rows, labels = np.asfortranarray(problem["x"]), problem["labels"]
    groups = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]
    weights = np.array([np.sqrt(len(g)) * (labels[g[0]] != problem["free"]) for g in groups])
    indices, pointers = grp_converter(groups, rows.shape[1])
    penalty = WeightedGroupL2(float(problem["strength"]), weights, pointers, indices)
    solver = GroupBCD(fit_intercept=False, tol=1e-12, max_iter=500)
    coefficients = solver.solve(rows, problem["y"], QuadraticGroup(pointers, indices), penalty)[0]
    np.savez(sys.argv[2], weights=coefficients)


if __name__ == "__main__":
    main()
