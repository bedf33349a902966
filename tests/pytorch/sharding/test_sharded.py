"""Weights after 20 steps on 2 and 4 processes equal those of one: DDP, FSDP2, tensor parallel."""

from __future__ import annotations

import functools
import json
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

from shrinkage.errors import InputError
from shrinkage.pytorch import describe
from shrinkage.pytorch.sharding import crosses, is_sharded, local, unsharded
from tests.processes import environment, program
from tests.pytorch.sharding.cases import cases_for, is_needed
from tests.selecting import values_of

pytestmark = pytest.mark.slow

HERE, WORDS = Path(__file__).parent, ("processes", "case")
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


@pytest.fixture(scope="module")
def run(tmp_path_factory, request):
    """Start so many processes, once for all their cases; each process tells what it found."""
    pairs = list(zip(*(values_of(request.session, HERE, word) for word in WORDS), strict=True))

    @functools.cache
    def started(processes: int) -> list[dict]:
        path = tmp_path_factory.mktemp("sharded") / "results.json"
        command = [*program("torch.distributed.run"), "--standalone"]
        command += [f"--nproc-per-node={processes}", "-m", "tests.pytorch.sharding.worker"]
        names = [case.name for number, case in pairs if number == processes]
        done = subprocess.run(
            [*command, str(path), *names],
            env=environment(OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo"),
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(path.read_text())

    return started


PAIRS = [
    pytest.param(processes, case, marks=() if needed else pytest.mark.thorough)
    for processes in (2, 4)
    for case in cases_for(processes)
    for needed in [is_needed(processes, case)]
]


@pytest.mark.parametrize(("processes", "case"), PAIRS, ids=lambda v: getattr(v, "name", v))
def test_sharded_training_is_training(run, processes, case):
    for found in (result[case.name] for result in run(processes)):
        assert "error" not in found, found["error"]
        tolerance = TOLERANCE[case.dtype]
        assert found["weights"] <= tolerance
        assert found["zeros"] == 0
        assert found["nonzero"] > 0
        assert found["exactly zero"] > 0 or case.update != "proximal" or case.around
        assert found["value"] <= 10 * tolerance
        assert found["records"] <= 100 * tolerance
        assert found["table"], "names and shapes are those of the plain model"


def test_without_a_process_group_nothing_is_sharded():
    w = torch.ones(2)
    assert not is_sharded(w)
    assert local(w) is w
    assert unsharded(w) is w
    assert not crosses((), w)


def test_wrappers_do_not_change_names():
    model = nn.Sequential(nn.Linear(3, 2))
    plain = [info.name for info, _ in describe(model)]
    for wrapped in (nn.DataParallel(model), torch.compile(model, backend="eager")):
        assert [info.name for info, _ in describe(wrapped)] == plain


def test_flat_parameters_are_refused():
    class FullyShardedDataParallel(nn.Module):
        """Stands for the wrapper, which needs a process group and a device to be built."""

        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

    with pytest.raises(InputError, match="fully_shard"):
        describe(FullyShardedDataParallel(nn.Linear(3, 2)))
