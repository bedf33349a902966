"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

# Keras reads it when it is first imported; its own default would load TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "torch")
# Programs of JAX are small here: to optimize them takes longer than to run them. With --thorough
# they are compiled as users' are.
if "PYTEST_XDIST_WORKER" not in os.environ and "--thorough" not in sys.argv:
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import pytest

from tests.selecting import fast, usual

BESIDE = Path(__file__).parents[2] / "shared" / "data"
SHARED = Path(os.environ.get("SHRINKAGE_SHARED_DATA", BESIDE))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with MNIST and the mice table; tests that need it skip when it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no data folder at {SHARED.name}: set SHRINKAGE_SHARED_DATA to run this test")
    return SHARED


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Import no helper to look for doctests in it: some load a framework, or are programs."""
    is_helper = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if is_helper else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make test-fast` ask for less, and `make test-thorough` for more."""
    parser.addoption("--fast", action="store_true", help="one case of each test that is not slow")
    parser.addoption("--thorough", action="store_true", help="every case of every product")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `--thorough` runs, and what `--fast` does not run.

    An address in a name differs from worker to worker, so that xdist would run nothing.
    """
    named = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if named:
        raise pytest.UsageError(f"expected names of tests without addresses, got {named}")
    if not config.getoption("--thorough"):
        items[:], others = usual(items)
        config.hook.pytest_deselected(items=others)
    if config.getoption("--fast"):
        items[:], others = fast(items)
        config.hook.pytest_deselected(items=others)
    items.sort(key=lambda item: not item.nodeid.startswith(TOGETHER))  # what is long begins first


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over what was imported: a million objects that stay."""
    gc.collect()
    gc.freeze()


# Folders whose tests share what takes long to make: each goes to one worker as a whole.
TOGETHER = ("tests/parity/frameworks/", "tests/keras/", "tests/pytorch/sharding/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Group by file, or folder: what a file's tests share is made once, and compiled once.

    The mark xdist_group has no effect with xdist 3.8 under pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return next((folder for folder in TOGETHER if nodeid.startswith(folder)), file)

    config.option.loadscopereorder = (
        False  # in the order of the collection, not by numbers of tests
    )
    return ByFile(config, log)
