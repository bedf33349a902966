"""Solve a group lasso logistic regression by skglm: NPZ in, NPZ out.

A program of its own, so that Numba may be started without its compiler: compiling skglm takes 15
seconds, and the problem a quarter of one in plain Python.

    NUMBA_DISABLE_JIT=1 python skglm_group_logistic.py PROBLEM.npz SOLUTION.npz
"""

from __future__ import annotations

import sys

import numpy as np


def main() -> None:
    """The groups are the rows of `groups`, of √|g| weight each; the intercept comes last."""
    # here, because pytest imports this file for its doctests, and must not start Numba
    from skglm.datafits import LogisticGroup
    from skglm.penalties import WeightedGroupL2
    from skglm.solvers import GroupProxNewton
    from skglm.utils.data import grp_converter

    problem = np.load(sys.argv[1])
    rows, groups = np.asfortranarray(problem["x"]), problem["groups"]
    indices, pointers = grp_converter(groups.tolist(), rows.shape[1])
    weights = np.full(len(groups), np.sqrt(groups.shape[1]))
    coefficients, _, violation = GroupProxNewton(fit_intercept=True, tol=1e-13, max_iter=500).solve(
        rows,
        2 * problem["y"] - 1,
        LogisticGroup(pointers, indices),
        WeightedGroupL2(float(problem["strength"]), weights, pointers, indices),
    )
    np.savez(sys.argv[2], weights=coefficients, violation=violation)


if __name__ == "__main__":
    main()
