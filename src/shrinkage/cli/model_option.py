"""Which model of a finished run a command is about."""

from __future__ import annotations

from typing import Annotated

import typer

ModelOfRun = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="goal, mean, best, one_standard_error or unregularized. [default: goal or mean where "
        "the run has one, else best]",
        metavar="NAME",
        show_default=False,
    ),
]
