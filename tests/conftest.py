"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

# Keras reads it when it is first imported; its own default would load TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "torch")

import pytest

BESIDE = Path(__file__).parents[2] / "shared" / "data"
SHARED = Path(os.environ.get("SHRINKAGE_SHARED_DATA", BESIDE))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with MNIST and the mice table; tests that need it skip when it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no data folder at {SHARED.name}: set SHRINKAGE_SHARED_DATA to run this test")
    return SHARED
