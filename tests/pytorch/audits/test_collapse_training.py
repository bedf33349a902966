"""Trained on MNIST: the published strengths end at chance, the suggested ones do not cost accuracy.

Every run is 5 epochs over the first 10,000 images, held in memory, and is scored on the 10,000
test images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from shrinkage.audits.judging.collapse import Pushes, safe_strengths
from shrinkage.datasets.formats.idx_folder import read_part
from shrinkage.pytorch import audit
from shrinkage.pytorch.audits import outlook
from tests.pytorch.audits.published_settings import BATCH, PUBLISHED, Published, network
from tests.selecting import in_pairs

TRAINED, EPOCHS = 10_000, 5
CHANCE, HALF_A_POINT = 0.12, 0.005
Data = tuple[torch.Tensor, torch.Tensor]

pytestmark = pytest.mark.slow

# The elastic net holds both penalties of the loss, and the decay of Adam is the other mechanism.
SETTINGS = in_pairs(PUBLISHED, lambda one: one.name in ("elastic net", "Adam's weight decay"))


@pytest.fixture(scope="module")
def mnist(shared_data: Path) -> tuple[Data, Data]:
    """Training and test images between 0 and 1."""
    return part(shared_data / "mnist", "train", TRAINED), part(
        shared_data / "mnist", "t10k", 10_000
    )


def part(folder: Path, name: str, count: int) -> Data:
    found = read_part(folder, name)
    assert found is not None
    images, labels = (torch.from_numpy(array[:count].copy()) for array in found)
    return images.float().flatten(1) / 255, labels


@pytest.fixture(scope="module")
def unregularized(mnist: tuple[Data, Data]) -> float:
    return trained(Published("none"), mnist, EPOCHS)


def trained(setting: Published, mnist: tuple[Data, Data], epochs: int) -> float:
    """Return the share of the test images that a trained network gets right."""
    (x, y), test = mnist
    model = network()
    optimizer, step = setting.optimizer(model), setting.step()
    generator = torch.Generator().manual_seed(42)
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        images, classes = x[order], y[order]
        for start in range(0, len(x), BATCH):
            step(
                model, optimizer, (images[start : start + BATCH], classes[start : start + BATCH]), 1
            )
    with torch.no_grad():
        return float((model(test[0]).argmax(1) == test[1]).float().mean())


def suggested(setting: Published, batch: Data, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return what the audit's own numbers suggest in the place of the setting's strengths."""
    seen: list[tuple[list[Pushes], list[float]]] = []
    original = outlook.predict_collapse

    def noting(layers: list[Pushes], strengths: list[float], **options: Any) -> Any:
        seen.append((layers, strengths))
        return original(layers, strengths, **options)

    monkeypatch.setattr(outlook, "predict_collapse", noting)
    model = network()
    report = audit(model, setting.optimizer(model), setting.step(), batch, setting.terms())
    assert "collapse" in report.rules, str(report)
    ((layers, strengths),) = seen
    assert strengths == setting.strengths
    found = safe_strengths(layers, strengths)
    (collapse,) = [one for one in report.findings if one.rule == "collapse"]
    assert " and ".join(f"{strength:g}" for strength in found) in collapse.remedy
    return found


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_the_suggested_strength_trains(
    setting: Published,
    mnist: tuple[Data, Data],
    unregularized: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = mnist[0]
    strengths = suggested(setting, (x[:BATCH], y[:BATCH]), monkeypatch)
    assert all(new < old for new, old in zip(strengths, setting.strengths, strict=True))
    accuracy = trained(setting.with_strengths(strengths), mnist, EPOCHS)
    assert unregularized > 0.9
    assert accuracy >= unregularized - HALF_A_POINT, f"{strengths}: {accuracy}, {unregularized}"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_the_published_strength_ends_at_chance(
    setting: Published, mnist: tuple[Data, Data]
) -> None:
    assert trained(setting, mnist, 2) < CHANCE
