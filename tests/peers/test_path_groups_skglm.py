"""A linear path over source columns, one of them free, against skglm's GroupBCD."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from shrinkage import GroupLasso, fit_path
from shrinkage.datasets import Preprocessing
from tests.paths.test_input_groups import table
from tests.processes import environment, program

STRENGTH = 0.05


@pytest.mark.slow
@pytest.mark.parametrize("free", [(), ("age",)], ids=["all penalised", "age free"])
def test_columns_as_groups_are_skglms(free, tmp_path):
    X, y = table()
    result = fit_path(
        "linear", X, y, penalty=GroupLasso("input"), strengths=(STRENGTH, 0.2), folds=2, free=free,
        refit="all", test=(X[:9], y[:9]), progress=False,
    )  # fmt: skip
    ours = result.model(0)[0].weight.detach().numpy()[0]
    x = Preprocessing.fit(X).transform(X, np.float64)
    labels = np.array([X.columns.get_loc(name) for name in result.input_columns])
    problem, solution = tmp_path / "in.npz", tmp_path / "out.npz"
    np.savez(
        problem, x=x - x.mean(0), y=y - y.mean(), labels=labels, strength=STRENGTH,
        free=0 if free else -1,
    )  # fmt: skip
    command = [*program("tests.peers.skglm_group_linear"), problem, solution]
    subprocess.run(command, env=environment(NUMBA_DISABLE_JIT="1"), check=True)
    theirs = np.load(solution)["weights"]
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert ((ours == 0) == (theirs == 0)).all()
    assert 0 < np.count_nonzero(ours) < len(ours)
