"""A run that is killed at random moments and resumed ends with the undisturbed result."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest

from tests.forked import started

OPTIONS = ("path", "digits", "--strengths", "3", "--folds", "3", "--epochs", "6", "--quiet")
MODEL = ("--model", "mlp:16;dropout=0.1")
TIMES = {"wall_seconds", "versions"}


def summary(folder) -> dict:
    content = json.loads((folder / "summary.json").read_text())
    return {key: value for key, value in content.items() if key not in TIMES}


def start(folder, **options):
    return started(*OPTIONS, *MODEL, "--out", folder, "--resume", **options)


def finished(process) -> int | None:
    process.join()
    return process.exitcode


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, pytest.param(10, marks=pytest.mark.thorough)])
def test_kills_at_random_moments_change_nothing(tmp_path, number):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    assert finished(started("--help")) == 0  # and what all have in common is loaded
    begin = time.monotonic()
    assert finished(start(undisturbed)) == 0
    duration = time.monotonic() - begin
    chance = random.Random(0)
    kills, ends = 0, 0
    while kills < number:
        process = start(killed)
        process.join(timeout=chance.uniform(0.1, 1.0) * duration)
        if process.is_alive():
            process.kill()
            process.join()
            kills += 1
        else:
            ends += 1
            assert process.exitcode == 0
            assert summary(killed) == summary(undisturbed)
            killed = tmp_path / f"killed-{ends}"
    assert finished(start(killed)) == 0
    assert summary(killed) == summary(undisturbed)
    weights = [folder / "model.safetensors" for folder in (killed, undisturbed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    pages = [folder / "path.csv" for folder in (killed, undisturbed)]
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(tmp_path):
    process = start(tmp_path / "run", errors=tmp_path / "errors")
    while not (tmp_path / "run" / "state" / "run.json").exists():
        assert process.is_alive()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    assert finished(process) == 130
    error = (tmp_path / "errors").read_text(encoding="utf-8")
    assert "--resume" in error
    assert "Traceback" not in error
