"""A cross-validated path of 20 strengths on MNIST against the published loop at one strength.

The published loop is that of the texts behind this project: MLP 784-64-32-10, Adam with learning
rate 1e-4, batches of 10 from a DataLoader over single images, elastic net by autograd over all
parameters, 5 epochs, seed 42. The path is the command line as a user runs it, start-up, grid
search, 5 folds, refits and report included. Both run in this one process tree, one after the
other; peak memory is the operating system's figure for the path's process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from recording import mnist_folder, write_result
from torch import nn
from torch.utils.data import DataLoader, Dataset

from shrinkage.datasets import load_dataset

EPOCHS = 5


class Images(Dataset):
    """Single images as float tensors in [0, 1], converted one by one as the texts do."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.pixels, self.labels = pixels, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(self.pixels[index]).float().div(255), int(self.labels[index])


def published_loop(pixels: np.ndarray, labels: np.ndarray, epochs: int) -> float:
    """Train as published and return the seconds that it took."""
    torch.manual_seed(42)
    begin = time.perf_counter()
    loader = DataLoader(Images(pixels, labels), batch_size=10, shuffle=True)
    model = nn.Sequential(
        nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)
    )
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


def path(folder: Path, epochs: int) -> tuple[float, float, dict]:
    """Run the command line and return its seconds, its peak gigabytes and its summary."""
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "run"
        command = [
            *(sys.executable, "-m", "shrinkage", "path", str(folder)),
            *("--penalty", "elastic-net", "--l1-ratio", "0.3", "--model", "mlp:64,32"),
            *("--strengths", "20", "--folds", "5", "--epochs", str(epochs), "--out", str(out)),
        ]
        begin = time.perf_counter()
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
        return seconds, peak, json.loads((out / "summary.json").read_text())


def main() -> None:
    """Run both, print the ratio, write the result."""
    folder = mnist_folder()
    if folder is None:
        return
    data = load_dataset(str(folder))
    published = published_loop(np.asarray(data.X), data.y, EPOCHS)
    print(f"published loop, one strength, {EPOCHS} epochs: {published:.1f} s")
    seconds, peak, summary = path(folder, EPOCHS)
    models = summary["models_trained"]
    print(f"path, {models} models: {seconds:.1f} s, peak memory {peak:.2f} GB")
    print(f"path / published loop: {seconds / published:.2f}")
    print(f"time a model, published / path: {published / (seconds / models):.0f}")
    print(f"best test accuracy: {summary['best']['test_score']:.4f}")
    write_result(
        "path_vs_published",
        {
            "published_seconds": round(published, 1),
            "path_seconds": round(seconds, 1),
            "path_over_published": round(seconds / published, 3),
            "models_trained": models,
            "time_a_model_ratio": round(published / (seconds / models), 1),
            "peak_memory_gb": round(peak, 2),
            "best_test_accuracy": summary["best"]["test_score"],
            "unregularized_test_accuracy": summary["unregularized"]["test_score"],
        },
    )


if __name__ == "__main__":
    main()
