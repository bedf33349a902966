"""Stop with status 1 unless the installed package has its compiled parts; run on every built wheel.

Who uses this: cibuildwheel. They are optional at installation, so their build may fail in silence.
"""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import shrinkage

PARTS = (
    "pytorch/prox/kernels/_shrink",
    "paths/engines/linear/kernels/_descent",
    "paths/engines/kernels/_cross_entropy",
)

for part in PARTS:
    built = Path(shrinkage.__file__).parent / part
    if not any(built.with_name(built.name + suffix).is_file() for suffix in EXTENSION_SUFFIXES):
        files = sorted(path.name for path in built.parent.iterdir())
        sys.exit(f"expected a compiled part {built.name} in {built.parent}, got {files}")
