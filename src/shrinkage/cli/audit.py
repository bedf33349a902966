"""`shrinkage audit MODULE:FUNCTION`: does the regularization of a PyTorch loop arrive?"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from shrinkage.errors import InputError

FOUND = 1


def _list_rules(asked: bool) -> None:
    if not asked:
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from shrinkage.audits import RULES

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("rule", "severity", "meaning"):
        table.add_column(column, no_wrap=column != "meaning")
    for rule in RULES.values():
        table.add_row(rule.id, rule.severity, rule.meaning)
    Console(highlight=False, markup=False).print(table)
    raise typer.Exit


def command(
    function: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="The function returns (model, optimizer, training_step, batch), and maybe terms.",
            show_default=False,
        ),
    ],
    update: Annotated[
        str | None,
        typer.Option(help="loss, gradient, decoupled or proximal. [default: any]"),
    ] = None,
    steps_per_epoch: Annotated[
        float | None, typer.Option("--steps-per-epoch", help="To say times in epochs too.")
    ] = None,
    ignore: Annotated[str, typer.Option(help="Rules that do not count, separated by commas.")] = "",
    seed: Annotated[int, typer.Option(help="Random state of every step.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="List the rules.", is_eager=True, callback=_list_rules)
    ] = False,
) -> None:
    """Take three training steps on a copy, and say whether the penalty arrives.

    Exit status 0: no error found; 1: an error was found; 2: bad input.

    Examples:

      shrinkage audit train:for_audit

      shrinkage audit train:for_audit --json --ignore collapse
    """
    del rules
    from shrinkage.importing import import_function
    from shrinkage.pytorch import audit

    built = _given(import_function(function, "the loop"), function)
    report = audit(*built, update=update, steps_per_epoch=steps_per_epoch, seed=seed)
    report = report.without(part.strip() for part in ignore.split(",") if part.strip())
    if as_json:
        print(json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False))
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(FOUND)


def _given(build: Any, name: str) -> tuple[Any, ...]:
    try:
        built = build()
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"{name} raised {type(error).__name__}: {text}; it is called without arguments"
        ) from error
    if not isinstance(built, tuple) or len(built) not in (4, 5):
        what = f"{len(built)} values" if isinstance(built, tuple) else type(built).__name__
        raise InputError(
            f"expected {name} to return (model, optimizer, training_step, batch) or those and "
            f"terms, got {what}: return four or five values"
        )
    return built


def _show(report: Any) -> None:
    from rich.console import Console
    from rich.text import Text

    from shrinkage.audits.wording import findings_text, verdict_text

    console = Console(highlight=False)
    if report.seen:
        console.print(_table(report))
    console.print(Text(verdict_text(report), style="bold green" if report.ok else "bold red"))
    for severity, head, remedy in findings_text(report.findings):
        console.print(Text(head, style=_STYLES[severity]), soft_wrap=True)
        console.print(Text(f"  → {remedy}"), soft_wrap=True)


_STYLES = {"error": "red", "warning": "yellow", "info": "dim"}


def _table(report: Any) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from shrinkage.audits.wording import COLUMNS, cells_of

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for arrival in report.seen:
        table.add_row(*map(Text, cells_of(arrival)))
    return table
