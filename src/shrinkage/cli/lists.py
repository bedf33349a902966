"""What makes an option a list: it may be repeated, and each text may hold several items.

Who uses this: every command with an option that takes a list, as
`names: Annotated[list[CommaList] | None, typer.Option(help="…", **LISTED)] = None`; the command
reads the items by `shrinkage.comma_lists.items_of`.
"""

from __future__ import annotations

from typing import Any

from shrinkage.comma_lists import CommaList

LISTED: dict[str, Any] = {"parser": CommaList, "metavar": "A,B"}
"""The further arguments of `typer.Option`."""
