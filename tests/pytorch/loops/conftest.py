"""What other packages need to be tested with: warnings that say nothing about ours, no network.

Every other warning is an error here too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

OTHERS = (
    # Lightning 2.6 asks with isinstance what torch 2.13 asks with a method; at every fit.
    r"ignore:.isinstance\(treespec, LeafSpec\).:FutureWarning",
    # Of the machine, not of the code: how many cores it has, and that its GPU is left alone.
    r"ignore:The 'train_dataloader' does not have many workers",
    r"ignore:GPU available but not used",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for line in OTHERS:
                item.add_marker(pytest.mark.filterwarnings(line))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a server for anything."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
