"""A cross-validated path of 20 strengths on MNIST against the published loop, and the machine.

Four things in one run, one after the other:

- the published loop for one strength: that of the texts behind this project, MLP 784-64-32-10, Adam
  with learning rate 1e-4, batches of 10 from a DataLoader over single images, elastic net by
  autograd over all parameters, 5 epochs, seed 42;
- the best sequential loop in PyTorch for one model: rows in memory, fused AdamW, the path's batch,
  no penalty, on as many threads as serve it best; its time is multiplied by the path's models;
- the path: the command line as a user runs it, start-up, search for the grid, 5 folds, refits and
  report included; modules have been compiled before, as an installation does (where Python may not
  write bytecode, compiling them anew takes 7 s of CPU time);
- the ceilings: a large `torch.mm` in float32, and in bfloat16 where the processor has it, and a
  copy of memory.

The share of the ceiling is that of the matrix products of training, forward and backward, over the
seconds that trainings took, each of its share of the cores; the share of the whole command is told
beside it. Peak memory is the operating system's figure for the path.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from recording import mnist_folder, write_result
from torch import nn
from torch.utils.data import DataLoader, Dataset

from shrinkage.datasets import load_dataset
from shrinkage.paths.engines.precision import is_there
from shrinkage.paths.engines.recipe import BATCH_SIZE

EPOCHS = 5
WIDTHS = (784, 64, 32, 10)
WEIGHTS = [before * after for before, after in pairwise(WIDTHS)]
# Forward, by the weights, and by the input, which the first layer does without.
OPERATIONS = 6 * sum(WEIGHTS) - 2 * WEIGHTS[0]  # of a row in a model
FOLD_ROWS = 48_000
GOALS = {"path / published": 0.3, "sequential / path": 4.0, "share of float32": 0.6}

# The command line, which notes when the engine trains, how many models and how many steps.
NOTING = """
import json, sys, time
from shrinkage.paths.engines.stacked import StackedEngine
train, notes = StackedEngine.train, []

def noting(self, problem, unit, advance):
    steps, begin = [0], time.perf_counter()
    def counted(n):
        steps[0] += n
        advance(n)
    trained = train(self, problem, unit, counted)
    rows = steps[0] * min(problem.recipe.batch_size, len(unit.data.train))
    notes.append((begin, time.perf_counter(), unit.threads, rows * len(unit.settings)))
    return trained

StackedEngine.train = noting
from shrinkage.__main__ import main
try:
    main()
finally:
    with open({path!r}, "w") as file:
        json.dump(notes, file)
"""


class Images(Dataset):
    """Single images as float tensors in [0, 1], converted one by one as the texts do."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.pixels, self.labels = pixels, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(self.pixels[index]).float().div(255), int(self.labels[index])


def network() -> nn.Sequential:
    """Return the network of the texts."""
    first, *others = (nn.Linear(a, b) for a, b in pairwise(WIDTHS))
    return nn.Sequential(first, *(layer for own in others for layer in (nn.ReLU(), own)))


def published_loop(pixels: np.ndarray, labels: np.ndarray, epochs: int) -> float:
    """Train as published and return the seconds that it took."""
    torch.manual_seed(42)
    begin = time.perf_counter()
    loader = DataLoader(Images(pixels, labels), batch_size=10, shuffle=True)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    criterion = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for images, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(images), targets)
            l1 = sum(parameter.abs().sum() for parameter in model.parameters())
            l2 = sum(parameter.pow(2).sum() for parameter in model.parameters())
            loss = loss + 0.3 * l1 + 0.7 * l2
            loss.backward()
            optimizer.step()
    return time.perf_counter() - begin


def sequential_loop(pixels: np.ndarray, labels: np.ndarray, epochs: int) -> float:
    """Train one model as well as a loop can on the rows of a fold; return its seconds."""
    rows = torch.tensor(pixels[:FOLD_ROWS]).float().div_(255).flatten(1)
    targets = torch.from_numpy(labels[:FOLD_ROWS].astype(np.int64))
    begin = time.perf_counter()
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, fused=True)
    criterion = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for batch in torch.randperm(len(rows)).split(BATCH_SIZE):
            optimizer.zero_grad()
            criterion(model(rows[batch]), targets[batch]).backward()
            optimizer.step()
    return time.perf_counter() - begin


def best_sequential(pixels: np.ndarray, labels: np.ndarray, epochs: int) -> float:
    """Return the seconds on one thread or on all, whichever are fewer."""
    threads, seconds = torch.get_num_threads(), []
    for count in {1, threads}:
        torch.set_num_threads(count)
        seconds.append(sequential_loop(pixels, labels, epochs))
    torch.set_num_threads(threads)
    return min(seconds)


def best_of(repeats: int, run: Callable[[], object]) -> float:
    """Return the seconds of the fastest of some runs."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def ceilings() -> dict[str, float]:
    """Return GFLOP/s of a large product, and GB/s of a copy (bytes read and written)."""
    size, rates = 2048, {}
    kinds = {"float32": torch.float32}
    if is_there("cpu"):
        kinds["bfloat16"] = torch.bfloat16
    for name, dtype in kinds.items():
        left, right = (torch.randn(size, size).to(dtype) for _ in range(2))
        out = torch.empty_like(left)
        seconds = best_of(12, lambda a=left, b=right, c=out: torch.mm(a, b, out=c))
        rates[name] = 2 * size**3 / seconds / 1e9
    source = torch.ones(64_000_000)
    target = torch.empty_like(source)
    rates["copy"] = 2 * source.numel() * 4 / best_of(6, lambda: target.copy_(source)) / 1e9
    return rates


def compiled(cache: Path) -> dict[str, str]:
    """Return an environment in which all that a path imports has been compiled."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache), "PYTHONDONTWRITEBYTECODE": ""}
    small = ["--model", "mlp:8", "--strengths", "2", "--folds", "2", "--epochs", "1"]
    command = [*(sys.executable, "-m", "shrinkage", "path", "digits"), *small]
    output = subprocess.DEVNULL
    out = ["--out", str(cache / "run")]
    subprocess.run([*command, *out], check=True, env=environment, stdout=output, stderr=output)
    return environment


def path(
    folder: Path, epochs: int
) -> tuple[float, float, dict, list[tuple[float, float, int, int]]]:
    """Run the command line; return its seconds, peak gigabytes, summary, and trainings."""
    with tempfile.TemporaryDirectory() as temporary:
        out, notes = Path(temporary) / "run", Path(temporary) / "notes.json"
        command = [
            *(sys.executable, "-c", NOTING.replace("{path!r}", repr(str(notes)))),
            *("path", str(folder)),
            *("--penalty", "elastic-net", "--l1-ratio", "0.3", "--model", "mlp:64,32"),
            *("--strengths", "20", "--folds", "5", "--epochs", str(epochs), "--out", str(out)),
        ]
        environment = compiled(Path(temporary) / "compiled")
        begin = time.perf_counter()
        subprocess.run(command, check=True, env=environment)
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
        summary = json.loads((out / "summary.json").read_text())
        return seconds, peak, summary, json.loads(notes.read_text())


def main() -> None:
    """Run all four, print the ratios, write the result."""
    folder = mnist_folder()
    if folder is None:
        return
    data = load_dataset(str(folder))
    pixels = np.asarray(data.X)
    before = ceilings()
    seconds, peak, summary, trainings = path(folder, EPOCHS)
    single = best_sequential(pixels, data.y, EPOCHS)
    published = published_loop(pixels, data.y, EPOCHS)
    after = ceilings()
    rates = {name: (before[name] + after[name]) / 2 for name in before}
    models = summary["models_trained"]
    operations = OPERATIONS * sum(rows for *_, rows in trainings)
    cores = torch.get_num_threads()  # of which a training has its threads
    training = sum((end - begin) * threads / cores for begin, end, threads, _ in trainings)
    reached = operations / training / 1e9
    print(
        "ceilings: "
        + ", ".join(
            f"{name} {rate:.0f} {'GB/s' if name == 'copy' else 'GFLOP/s'}"
            for name, rate in rates.items()
        )
    )
    print(f"published loop, one strength: {published:.1f} s")
    print(f"best sequential loop, one model: {single:.2f} s, × {models}: {single * models:.0f} s")
    print(
        f"path, {models} models: {seconds:.1f} s ({training:.1f} s of all cores for training), "
        f"{peak:.2f} GB"
    )
    ratios = {
        "path / published": seconds / published,
        "sequential / path": single * models / seconds,
        "share of float32": reached / rates["float32"],
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f} (goal {GOALS[name]})")
    print(
        f"products: {operations / 1e12:.2f} TFLOP at {reached:.0f} GFLOP/s while training; "
        f"share in the whole command {operations / seconds / 1e9 / rates['float32']:.2f}"
    )
    print(f"best test accuracy: {summary['best']['test_score']:.4f} (goal 0.97)")
    write_result(
        "path_vs_published",
        {
            "ceilings": {name: round(rate, 1) for name, rate in rates.items()},
            "precision": summary["precision"],
            "published_seconds": round(published, 1),
            "sequential_seconds_of_one": round(single, 2),
            "path_seconds": round(seconds, 1),
            "training_seconds": round(training, 1),
            "teraflop": round(operations / 1e12, 3),
            "gigaflops_while_training": round(reached, 1),
            "share_of_float32_ceiling": round(ratios["share of float32"], 3),
            "share_in_the_whole_command": round(operations / seconds / 1e9 / rates["float32"], 3),
            "share_of_own_ceiling": round(reached / rates[summary["precision"]], 3),
            "path_over_published": round(ratios["path / published"], 3),
            "sequential_over_path": round(ratios["sequential / path"], 2),
            "goals": GOALS,
            "models_trained": models,
            "time_a_model_ratio": round(published / (seconds / models), 1),
            "peak_memory_gb": round(peak, 2),
            "best_test_accuracy": summary["best"]["test_score"],
            "unregularized_test_accuracy": summary["unregularized"]["test_score"],
        },
    )


if __name__ == "__main__":
    main()
