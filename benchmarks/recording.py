"""What every benchmark needs: data, peers, the machine it ran on, where results go."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch

from shrinkage.atomic import write_bytes
from shrinkage.datasets import shared_folder

HERE = Path(__file__).parent


def mnist_folder() -> Path | None:
    """Return the folder of MNIST's IDX files, or None with a line that says so."""
    folder = shared_folder("mnist")
    if folder is None:
        print("no MNIST here: set SHRINKAGE_SHARED_DATA to the folder of mnist/; nothing was run")
    return folder


def peer_named(module: str, requirement: str) -> Any:
    """Return a peer's module, or None with a line that says how to install it."""
    define_operators_of_torchvision()
    try:
        return importlib.import_module(module)
    except ImportError:
        print(f"no {module} here: python -m pip install '{requirement}'; it was not compared")
        return None


def machine() -> dict[str, object]:
    """Return what a reader needs to know about the machine."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0].partition(":")[2].strip() if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def commit() -> str:
    """Return the commit of the checkout, with a mark when it was changed since."""
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", ":/src", ":/benchmarks/*.py", ":/benchmarks/*.c")
    return f"{head}{' with changes' if changed else ''}"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


class Pieces:
    """Figures of a benchmark's pieces, kept as they come: a run that was stopped goes on.

    They lie in `runs/benchmarks/NAME-COMMIT.json`, so that no other code's figures are taken.
    """

    def __init__(self, name: str, *, keep: bool = True) -> None:
        self._path = HERE.parent / "runs" / "benchmarks" / f"{name}-{commit()}.json"
        self._keep = keep
        there = keep and self._path.exists()
        self._known: dict[str, Any] = json.loads(self._path.read_text()) if there else {}

    def known(self, piece: str) -> Any:
        """Return the figures of a piece that are there, or None."""
        return self._known.get(piece)

    def get(self, piece: str, measure: Callable[[], Any]) -> Any:
        """Return the figures of a piece: those that are there, else what `measure` returns."""
        if piece not in self._known:
            self._known[piece] = measure()
            if self._keep:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                text = json.dumps(self._known, ensure_ascii=False, default=_plain)
                write_bytes(self._path, text.encode())
        return self._known[piece]


def write_result(name: str, figures: dict[str, object]) -> None:
    """Write `results/NAME.json`."""
    content = {
        "benchmark": name,
        "date": date.today().isoformat(),
        "commit": commit(),
        "machine": machine(),
        **figures,
    }
    path = HERE / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=_plain) + "\n")
    print(f"written: {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    print(json.dumps({"commit": commit(), **machine()}, indent=2))


_LIBRARIES: list[Any] = []


def define_operators_of_torchvision() -> None:
    """Name the operators that torchvision's Python wants, where its compiled ones do not load.

    A build for a GPU does not, on a machine without one; timm and peft import it all the same.
    """
    if _LIBRARIES or hasattr(torch.ops.torchvision, "nms"):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _LIBRARIES.append(library)


def _plain(value: Any) -> Any:
    """Return a number or truth of NumPy as Python's."""
    return value.item()
