"""Stop with status 1 unless the installed package has its compiled part; run on every built wheel.

Who uses this: cibuildwheel. The part is optional at installation, so its build may fail in silence.
"""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import shrinkage

folder = Path(shrinkage.__file__).parent / "pytorch" / "prox" / "kernels"
if not any((folder / f"_shrink{suffix}").is_file() for suffix in EXTENSION_SUFFIXES):
    sys.exit(
        f"expected a compiled part in {folder}, got {sorted(p.name for p in folder.iterdir())}"
    )
