"""Groups of columns in a file: TOML or JSON, `group = ["column", …]`.

Who uses this: `shrinkage path --groups`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from shrinkage.datasets.wording import one_line
from shrinkage.errors import InputError
from shrinkage.paths.running.input_groups import checked_groups

EXAMPLE = 'write for example body = ["height", "weight"] in a file that ends in .toml'


def read_groups(path: Path) -> Mapping[str, Sequence[str]]:
    """Return names of groups with their columns.

    Args:
        path: a file that ends in `.toml` or `.json`.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    if path.suffix.lower() not in (".toml", ".json"):
        raise InputError(f"expected groups in a TOML or JSON file, got {path.name!r}: {EXAMPLE}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        read = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(
            f"expected groups in {path.name!r}, got a file that cannot be read "
            f"({one_line(error, 100)}): {EXAMPLE}"
        ) from error
    if not isinstance(read, Mapping) or not read:
        raise InputError(
            f"expected names of groups with their columns in {path.name!r}, got "
            f"{one_line(repr(read), 60)}: {EXAMPLE}"
        )
    groups = checked_groups(read)
    assert isinstance(groups, Mapping)
    return groups
