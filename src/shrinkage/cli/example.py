"""`shrinkage example NAME`: run one of the scripts of the folder `examples`.

The scripts are beside this package in a source tree, and inside it where it is installed.
"""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

import shrinkage
from shrinkage.errors import InputError, near_names
from shrinkage.extras import MissingExtra

SHARED = "common"  # what the scripts share is no experiment
PACKAGE = Path(shrinkage.__file__).parent
FOLDERS = (PACKAGE / "examples", PACKAGE.parents[1] / "examples")


def command(
    name: Annotated[
        str | None, typer.Argument(help="The experiment; --list names them.", show_default=False)
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Name the experiments.")] = False,
    full: Annotated[bool, typer.Option("--full", help="On all of the data: minutes.")] = False,
    data: Annotated[
        str | None,
        typer.Option(help="A data set's name, or a file or folder of it.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for what is written. [default: runs/examples/NAME]"),
    ] = None,
) -> None:
    """Run an experiment: as published, what the audit says, and what works.

    Exit status 0: all stated numbers were met; 1: one was not; 2: bad input.

    Examples:

      shrinkage example --list

      shrinkage example torch-l1
    """
    scripts = experiments()
    if listed:
        _show_list(scripts)
        return
    if name is None:
        raise InputError("expected the name of an experiment, got none: see example --list")
    if name not in scripts:
        hint = near_names(name, scripts) or "shrinkage example --list names them"
        raise InputError(f"expected the name of an experiment, got {name!r}: {hint}")
    options = [*(["--full"] if full else []), *(["--data", data] if data else [])]
    _run(scripts[name], [*options, *(["--out", str(out)] if out else [])])


def experiments() -> dict[str, Path]:
    """Return the scripts by the names of their experiments."""
    scripts = next(filter(None, (sorted(folder.glob("*.py")) for folder in FOLDERS)), [])
    if not scripts:
        raise InputError(
            "expected the scripts of the experiments beside this installation, got none: "
            "pip install --force-reinstall shrinkage"
        )
    return {path.stem.replace("_", "-"): path for path in scripts if path.stem != SHARED}


def summary(script: Path) -> str:
    """Return what a script shows: the first line of its docstring; nothing of it is run."""
    text = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")


def _run(script: Path, options: list[str]) -> None:
    """Run a script as `python SCRIPT OPTIONS` does; it ends the process by itself."""
    before = sys.argv, sys.path
    sys.argv, sys.path = [str(script), *options], [str(script.parent), *sys.path]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except MissingExtra:
        raise
    except ModuleNotFoundError as error:
        raise InputError(
            f"expected the package {error.name} for this experiment, got none: "
            "pip install 'shrinkage[examples]'"
        ) from error
    finally:
        sys.argv, sys.path = before


def _show_list(scripts: dict[str, Path]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("experiment", no_wrap=True)
    table.add_column("what it shows")
    for name, script in scripts.items():
        table.add_row(name, summary(script))
    Console(highlight=False, markup=False).print(table)
