"""What a path says of its time and memory before it trains, against what it took: 200,000 × 20.

A CSV file of 15 columns of numbers, some of them missing, and five of categories goes through
`shrinkage path` in a process of its own. Seconds are counted from the moment they are told to the
end of the process; the peak memory is that of the whole process, reading the file included. On a
machine that is shared, what passes depends on the others; what the threads compute hardly does.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from recording import write_result

ROWS = 200_000
NUMBERS, CATEGORIES = 15, 5
OPTIONS = ("--strengths", "6", "--folds", "4", "--epochs", "3")
MOST_OFF = 0.20


def write_table(path: Path) -> None:
    """Write the table: a target that two columns and a category tell something about."""
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, NUMBERS)).round(4)
    levels = random.integers(0, 6, size=(ROWS, CATEGORIES))
    y = X @ random.normal(size=NUMBERS) + 0.5 * levels[:, 0] + np.abs(X[:, 0] * X[:, 1])
    X[random.random(X.shape) < 0.02] = np.nan
    columns = {f"x{i}": X[:, i] for i in range(NUMBERS)}
    columns |= {f"c{i}": np.array(list("abcdef"))[levels[:, i]] for i in range(CATEGORIES)}
    noise = random.normal(size=ROWS)
    pd.DataFrame({**columns, "y": (y + noise).round(4)}).to_csv(path, index=False)


def run_path(table: Path, run: Path) -> dict[str, float]:
    """Run the command and return what it took since it was told, and at most in memory."""
    command = [sys.executable, "-m", "shrinkage", "path", str(table), "--target", "y", *OPTIONS]
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [*command, "--out", str(run)])
    told = run / "state" / "estimate.json"
    while not told.exists():
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.05)
    begin, before = time.time(), computed_by(pid)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError("the path did not end well; see its message above")
    return {
        "seconds": time.time() - begin,
        "computed": usage.ru_utime + usage.ru_stime - before,
        "memory": float(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)),
    }


def computed_by(pid: int) -> float:
    """Return the seconds that a running process has computed; NaN where the system has no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return math.nan
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run the path once and write what was told and what it took."""
    with tempfile.TemporaryDirectory() as folder:
        table, run = Path(folder) / "table.csv", Path(folder) / "run"
        write_table(table)
        load = os.getloadavg()[0]
        took = run_path(table, run)
        told = json.loads((run / "state" / "estimate.json").read_text())
        summary = json.loads((run / "summary.json").read_text())
    extended = len(summary["strengths"]) - int(OPTIONS[1])
    off = {name: told[name] / value - 1 for name, value in took.items()}
    for name, value in off.items():
        print(f"{name}: told {told[name]:.3g}, took {took[name]:.3g}")
        print(f"  {value:+.0%} {'within' if abs(value) <= MOST_OFF else 'NOT within'} 20 %")
    write_result(
        "large_table",
        {
            "rows": ROWS,
            "columns": NUMBERS + CATEGORIES,
            "options": " ".join(OPTIONS),
            "load_before": round(load, 2),
            "load_after": round(os.getloadavg()[0], 2),
            "strengths_beyond_the_grid": extended,
            "told": {name: float(f"{told[name]:.4g}") for name in took},
            "took": {name: float(f"{value:.4g}") for name, value in took.items()},
            "off": {name: round(value, 3) for name, value in off.items()},
        },
    )


if __name__ == "__main__":
    main()
