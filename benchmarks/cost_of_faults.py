"""What faults of a penalty cost in accuracy and in norm: the numbers behind `Rule.cost`.

scikit-learn's digits, 300 rows with a tenth of the labels wrong, 500 to choose the strength on,
997 correctly labelled test rows; a network 64-200-200-10 in PyTorch, batches of 100, 1,500 steps,
SGD with learning rate 0.1 (Adam with 1e-3 where said), means of three seeds. Strengths are chosen
for the right loop, and the faulty loops have the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from recording import write_result
from sklearn.datasets import load_digits
from torch import nn

STRENGTHS = (0.003, 0.01, 0.02, 0.03)
ADAM_DECAYS = {"coupled": (3e-3, 1e-2, 3e-2), "decoupled": (3.0, 10.0, 30.0)}
SEEDS, STEPS, BATCH = (0, 1, 2), 1_500, 100
TRAINING, VALIDATION, TEST = slice(0, 300), slice(300, 800), slice(800, None)
Squares = Callable[[nn.Sequential], Any]


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and labels, a tenth wrong outside the test rows."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    labels, generator = digits.target[order].copy(), np.random.default_rng(1)
    for row in np.flatnonzero(generator.random(TEST.start) < 0.1):
        labels[row] = (labels[row] + generator.integers(1, 10)) % 10
    return torch.tensor(digits.data[order] / 16, dtype=torch.float32), torch.tensor(labels)


IMAGES, LABELS = data()


def weights(model: nn.Sequential) -> Any:
    """Return ½Σw² of all weights: the right penalty."""
    return sum(p.pow(2).sum() for p in model.parameters() if p.ndim > 1) / 2


def trained(
    strength: float,
    squares: Squares = weights,
    optimizer: Callable[[nn.Sequential], Any] | None = None,
) -> dict[str, float]:
    """Return accuracy on validation and test rows and the norm of the weights, over the seeds."""
    ends = [_trained(seed, strength, squares, optimizer) for seed in SEEDS]
    return {key: float(np.mean([end[key] for end in ends])) for key in ends[0]}


def _trained(seed: int, strength: float, squares: Squares, build: Any) -> dict[str, float]:
    torch.manual_seed(seed)
    layers = nn.Linear(64, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10)
    model = nn.Sequential(*layers)
    optimizer = build(model) if build else torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(STEPS):
        rows = torch.randint(0, TRAINING.stop, (BATCH,))
        loss = nn.functional.cross_entropy(model(IMAGES[rows]), LABELS[rows])
        optimizer.zero_grad()
        (loss + strength * squares(model) if strength else loss).backward()
        optimizer.step()
    with torch.no_grad():
        right = model(IMAGES).argmax(1) == LABELS
        norm = float(weights(model).mul(2).sqrt())
    accuracies = (float(right[part].float().mean()) for part in (VALIDATION, TEST))
    return dict(zip(("validation", "test", "norm"), (*accuracies, norm), strict=True))


def best(results: dict[float, dict[str, float]]) -> float:
    """Return the strength that the validation rows choose."""
    return max(results, key=lambda strength: results[strength]["validation"])


def faults(strength: float) -> dict[str, dict[str, float]]:
    """Return what each fault ends with, at the strength of the right loop."""

    def everything(model: nn.Sequential) -> Any:
        return sum(p.pow(2).sum() for p in model.parameters()) / 2

    def but_the_first(model: nn.Sequential) -> Any:
        return weights(model) - model[0].weight.pow(2).sum() / 2

    def norms(model: nn.Sequential) -> Any:
        return sum(p.norm() for p in model.parameters() if p.ndim > 1)

    def half_trained(model: nn.Sequential) -> Any:
        return torch.optim.SGD(model[2:].parameters(), lr=0.1)

    return {
        "nothing arrives": trained(0.0),
        "twice": trained(2 * strength),
        "four times": trained(4 * strength),
        "a quarter": trained(strength / 4),
        "the first layer left out": trained(strength, but_the_first),
        "biases too": trained(strength, everything),
        "away from zero": trained(-strength / 10),
        "the norm for half of its square": trained(strength, norms),
        "the first layer not in the optimizer": trained(strength, optimizer=half_trained),
    }


def adam(kind: str, decay: float) -> dict[str, float]:
    """Return what Adam's own decay ends with, coupled or decoupled."""
    cls = torch.optim.Adam if kind == "coupled" else torch.optim.AdamW

    def build(model: nn.Sequential) -> Any:
        decayed = [p for p in model.parameters() if p.ndim > 1]
        others = [p for p in model.parameters() if p.ndim < 2]
        return cls([{"params": decayed, "weight_decay": decay}, {"params": others}], lr=1e-3)

    return trained(0.0, optimizer=build)


def main() -> None:
    """Train, print and write."""
    torch.set_num_threads(1)
    right = {strength: trained(strength) for strength in STRENGTHS}
    chosen = best(right)
    ends = {f"right, {chosen:g}": right[chosen], **faults(chosen)}
    for kind, decays in ADAM_DECAYS.items():
        results = {decay: adam(kind, decay) for decay in decays}
        ends[f"Adam, {kind}, {best(results):g}"] = results[best(results)]
    ends["Adam, none"] = adam("coupled", 0.0)
    for name, end in ends.items():
        print(f"{name:40s} test accuracy {end['test']:.3f}, norm of the weights {end['norm']:.1f}")
    write_result("cost_of_faults", {"strength": chosen, "ends": ends})


if __name__ == "__main__":
    main()
