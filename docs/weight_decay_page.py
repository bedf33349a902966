"""Draw the curves of docs/concepts/your-weight-decay-may-do-nothing.md and print their numbers.

The networks are the page's own: its code is run, and what it defines is trained here, longer and
with seeds, than a page can. The strength is chosen on rows that are in no curve.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shrinkage.drawing.palette import PALETTE

DOCS = Path(__file__).parent
PAGE = DOCS / "concepts" / "your-weight-decay-may-do-nothing.md"
PICTURE = DOCS / "images" / "weight-decay-curves.png"
PUBLISHED = 0.001
DECAYS = (0.0, 0.001, 0.003, 0.01, 0.02, 0.03)
SEEDS = (8, 9, 10)
STEPS, EVERY = 4_000, 100
MEAN_RATE, SUM_RATE = 0.1, 0.001  # one step, for the gradient of a mean and of a sum of 100 rows
TRAINING, VALIDATION, TEST = slice(0, 300), slice(300, 800), slice(800, None)
WRONG = 0.1
INK, MUTED, GRID = (PALETTE[role].light for role in ("ink", "muted", "grid"))


@dataclass(frozen=True)
class Curves:
    """Accuracies by step: of the training rows, the validation rows and the test rows."""

    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def page_names() -> Mapping[str, Any]:
    """Run the page's code and return the names that it defines."""
    text = PAGE.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "page"}
    with contextlib.redirect_stdout(io.StringIO()):
        for block in re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S):
            exec(block, names)
    return names


def with_wrong_labels(labels: np.ndarray, share: float) -> np.ndarray:
    """Return labels of which a share, in the rows that are not for the test, is another class."""
    generator = np.random.default_rng(1)
    found = labels.copy()
    for row in np.flatnonzero(generator.random(TEST.start) < share):
        found[row] = np.roll(found[row], generator.integers(1, 10))
    return found


def trained(network: Any, rate: float, images: np.ndarray, labels: np.ndarray) -> Curves:
    """Train a network and return its accuracies every few steps."""
    rows = (TRAINING, VALIDATION, TEST)
    found: list[list[float]] = []
    for _ in range(STEPS // EVERY):
        network.train(images[TRAINING], labels[TRAINING], steps=EVERY, rate=rate)
        answers = network.outputs(images).argmax(1) == labels.argmax(1)
        found.append([float(answers[part].mean()) for part in rows])
    return Curves(*np.array(found).T)


def mean_curves(kind: Any, decay: float, rate: float, data: Sequence[np.ndarray]) -> Curves:
    """Return the curves of a strength, averaged over the seeds, and print where they end."""
    runs = [trained(kind(decay, seed=seed), rate, *data) for seed in SEEDS]
    found = Curves(
        *(np.mean([getattr(run, name) for run in runs], 0) for name in Curves.__annotations__)
    )
    last = [part[-1] for part in (found.training, found.validation, found.test)]
    values = " ".join(f"{value:.3f}" for value in last)
    print(f"  {kind.__name__} {decay:g}: {values}", flush=True)
    return found


def compare(names: Mapping[str, Any], data: Sequence[np.ndarray]) -> tuple[Curves, Curves, float]:
    """Return curves as published, and mended with the strength that validation rows choose."""
    print("  network, decay: accuracy of training, validation and test rows after the last step")
    published = mean_curves(names["Network"], PUBLISHED, SUM_RATE, data)
    by_decay = {decay: mean_curves(names["Mended"], decay, MEAN_RATE, data) for decay in DECAYS}
    best = max(DECAYS, key=lambda decay: by_decay[decay].validation[-1])
    return published, by_decay[best], best


def draw_panel(axes: Axes, curves: Curves, title: str) -> None:
    """Draw the accuracies of training and test rows, and what lies between them."""
    steps = EVERY * np.arange(1, len(curves.test) + 1)
    axes.fill_between(
        steps, curves.test, curves.training, color=PALETTE["gap"].light, alpha=0.18, lw=0
    )
    higher = curves.test if curves.test[-1] > curves.training[-1] else curves.training
    for name, values, role in (
        ("training rows", curves.training, "training"),
        ("test rows", curves.test, "validation"),
    ):
        axes.plot(steps, values, color=PALETTE[role].light, lw=2, label=name)
        axes.annotate(
            f"{values[-1]:.3f}",
            (steps[-1], values[-1]),
            xytext=(5, 1 if values is higher else -1),
            textcoords="offset points",
            va="bottom" if values is higher else "top",
            color=PALETTE[role].light,
        )
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.set_xlabel("step", color=INK)
    axes.grid(color=GRID)
    axes.tick_params(colors=MUTED)
    axes.spines[["top", "right"]].set_visible(False)


def draw(published: Curves, mended: Curves, best: float) -> bytes:
    """Return the figure as PNG, on white so that it can be read on a dark page too."""
    figure = Figure(figsize=(9.2, 3.9), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, sharey=True)
    draw_panel(left, published, "as published: the same curves for every λ")
    draw_panel(right, mended, f"mended, λ = {best:g}")
    left.set_ylabel("accuracy", color=INK)
    left.set_ylim(0.45, 1.02)
    left.legend(frameon=False, loc="lower right", labelcolor=INK)
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    return buffer.getvalue()


def main() -> None:
    """Train, print the last accuracies and write the picture."""
    names = page_names()
    images, labels = names["images"], names["labels"]
    print("labels as they are")
    compare(names, (images, labels))
    wrong = with_wrong_labels(labels, WRONG)
    changed = (wrong != labels).any(1)
    counts = [int(changed[part].sum()) for part in (TRAINING, VALIDATION, TEST)]
    print(f"wrong labels in training, validation and test rows: {counts}")
    PICTURE.write_bytes(draw(*compare(names, (images, wrong))))


if __name__ == "__main__":
    main()
