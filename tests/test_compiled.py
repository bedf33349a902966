"""A compiled part is used only where it was built from the sources beside it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from shrinkage.compiled import library_of
from shrinkage.errors import StaleBuildWarning
from shrinkage.paths.engines import kernels as stack_kernels
from shrinkage.paths.engines.linear import kernels
from shrinkage.pytorch.prox import kernels as prox_kernels

FOLDERS = {
    "_cross_entropy": Path(stack_kernels.__file__).parent,
    "_descent": Path(kernels.__file__).parent,
    "_shrink": Path(prox_kernels.__file__).parent,
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_build_of_other_sources_is_told_and_not_used(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHRINKAGE_KERNELS", raising=False)
    copy = tmp_path / f"copied{name}"
    shutil.copytree(FOLDERS[name], copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    if not list(copy.glob(f"{name}.*.so")):
        pytest.skip("the kernels were not built")
    (copy / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    module = f"{copy.name}.{name}"
    headers = stack_kernels.HEADERS if name == "_cross_entropy" else None
    assert library_of(module, headers) is not None
    source = copy / f"{name}.c"
    source.write_text(source.read_text() + "\n")
    with pytest.warns(StaleBuildWarning, match="built from other sources"):
        assert library_of(module, headers) is None
    monkeypatch.setenv("SHRINKAGE_KERNELS", "0")
    assert library_of(module, headers) is None
    for loaded in [name for name in sys.modules if name.startswith(copy.name)]:
        del sys.modules[loaded]


def test_headers_of_another_folder_are_sources_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHRINKAGE_KERNELS", raising=False)
    module = f"{stack_kernels.__name__}._cross_entropy"
    if library_of(module, stack_kernels.HEADERS) is None:
        pytest.skip("the kernels were not built")
    for header in stack_kernels.HEADERS.glob("*.h"):
        shutil.copy(header, tmp_path)
    changed = tmp_path / "_adam_wide.h"
    changed.write_text(changed.read_text() + "\n")
    with pytest.warns(StaleBuildWarning, match="built from other sources"):
        assert library_of(module, tmp_path) is None


def test_a_part_that_was_not_built_is_none() -> None:
    assert library_of("shrinkage.no_such_part") is None
