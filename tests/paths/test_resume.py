"""A run that is killed at random moments and resumed ends with the undisturbed result."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

# A suite that was started in the background ignores Ctrl-C, and its children would, too.
HEARING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("shrinkage", run_name="__main__", alter_sys=True)
"""
COMMAND = [
    sys.executable,
    "-c",
    HEARING,
    "path",
    "digits",
    "--strengths",
    "3",
    "--folds",
    "3",
    "--epochs",
    "6",
    "--model",
    "mlp:16;dropout=0.1",
    "--quiet",
]
TIMES = {"wall_seconds", "versions"}


def summary(folder) -> dict:
    content = json.loads((folder / "summary.json").read_text())
    return {key: value for key, value in content.items() if key not in TIMES}


def start(folder, errors=None) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, "--out", str(folder), "--resume"],
        stdout=subprocess.DEVNULL,
        stderr=errors or subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, pytest.param(10, marks=pytest.mark.thorough)])
def test_kills_at_random_moments_change_nothing(tmp_path, number):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    begin = time.monotonic()
    assert start(undisturbed).wait() == 0
    duration = time.monotonic() - begin
    chance = random.Random(0)
    kills, finished = 0, 0
    while kills < number:
        process = start(killed)
        try:
            process.wait(timeout=chance.uniform(0.4, 1.0) * duration)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        else:
            finished += 1
            assert process.returncode == 0
            assert summary(killed) == summary(undisturbed)
            killed = tmp_path / f"killed-{finished}"
    assert start(killed).wait() == 0
    assert summary(killed) == summary(undisturbed)
    weights = [folder / "model.safetensors" for folder in (killed, undisturbed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    pages = [folder / "path.csv" for folder in (killed, undisturbed)]
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(tmp_path):
    process = start(tmp_path / "run", errors=subprocess.PIPE)
    while not (tmp_path / "run" / "state" / "run.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert process.returncode == 130
    assert b"--resume" in error
    assert b"Traceback" not in error
