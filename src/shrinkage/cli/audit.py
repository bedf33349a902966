"""`shrinkage audit MODULE:FUNCTION`: does the regularization of a PyTorch loop arrive?"""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from shrinkage.cli.lists import LISTED
from shrinkage.comma_lists import CommaList, items_of
from shrinkage.errors import InputError, near_names

FOUND = 1


class ReportFormat(str, Enum):  # noqa: UP042 - typer lists the values of such a class
    """How the report is written."""

    text = "text"
    json = "json"
    sarif = "sarif"


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


def _explain(name: str | None) -> None:
    if name is None:
        return
    from rich.console import Console

    from shrinkage.audits import RULES

    if name not in RULES:
        hint = near_names(name, RULES) or "shrinkage audit --rules lists them"
        raise InputError(f"expected a rule of the audit, got {name!r}: {hint}")
    rule = RULES[name]
    console = Console(highlight=False, markup=False)
    console.print(f"{rule.severity} {rule.id}: {rule.meaning}")
    console.print(f"cost: {rule.cost}")
    console.print(f"more: {rule.link}", soft_wrap=True)
    raise typer.Exit


def _print_schema(asked: bool) -> None:
    if not asked:
        return
    from shrinkage.audits.schema import REPORT_SCHEMA

    print(json.dumps(REPORT_SCHEMA, indent=2))
    raise typer.Exit


def command(
    function: Annotated[
        str,
        typer.Argument(
            metavar="LOOP",
            help="package.module:function or file.py:function: a training step (model, optimizer, "
            "batch[, scale]) beside variables of those names, or a function without arguments that "
            "returns (model, optimizer, training_step, batch[, terms]), (trainer, …) or a Report.",
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
    ignore: Annotated[
        list[CommaList] | None, typer.Option(help="Rules that do not count.", **LISTED)
    ] = None,
    seed: Annotated[int, typer.Option(help="Random state of every step.")] = 0,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="text, json, or sarif for code review.")
    ] = ReportFormat.text,
    output: Annotated[
        Path | None, typer.Option(help="A file for the report; the verdict is printed then.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="List the rules.", is_eager=True, callback=_list_rules)
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Say what a rule means and costs.",
            is_eager=True,
            callback=_explain,
            show_default=False,
        ),
    ] = None,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            help="Print the JSON Schema of --format json.",
            is_eager=True,
            callback=_print_schema,
        ),
    ] = False,
) -> None:
    """Take three training steps on a copy, and say whether the penalty arrives.

    Exit status 0: no error found; 1: an error was found; 2: bad input.

    Examples:

      shrinkage audit train.py:training_step

      shrinkage audit my_project.loops:for_audit --ignore collapse

      shrinkage audit train.py:training_step --format sarif --output audit.sarif

      shrinkage audit --explain coupled-through-adam
    """
    del rules, explain, schema
    from shrinkage.pytorch.loops.named_loops import audit_named

    form = ReportFormat.json if as_json else form
    _check_output(output)
    options = {"update": update, "steps_per_epoch": steps_per_epoch, "seed": seed}
    report = audit_named(function, **options)
    report = report.without(items_of(ignore))
    if output is not None:
        _write(report, form, output)
    elif form is ReportFormat.text:
        _show(report)
    else:
        print(_text(report, form))
    if not report.ok:
        raise typer.Exit(FOUND)


def _check_output(output: Path | None) -> None:
    """Refuse, before a step is taken, a file that cannot be written."""
    if output is None:
        return
    if output.is_dir() or not output.absolute().parent.is_dir():
        what = "a folder" if output.is_dir() else "one in a folder that is not there"
        raise InputError(f"expected a file for --output, got {what}: {output.as_posix()}")


def _text(report: Any, form: ReportFormat) -> str:
    from shrinkage import __version__
    from shrinkage.audits.sarif import sarif_of

    if form is ReportFormat.text:
        return str(report)
    plain = report.to_dict() if form is ReportFormat.json else sarif_of(report, __version__)
    indent = None if form is ReportFormat.json else 2
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=indent)


def _write(report: Any, form: ReportFormat, output: Path) -> None:
    from shrinkage.atomic import write_bytes
    from shrinkage.audits.wording import verdict_text

    write_bytes(output, f"{_text(report, form)}\n".encode())
    print(verdict_text(report))
    print(f"report: {output.as_posix()}")


def _show(report: Any) -> None:
    from rich.console import Console
    from rich.text import Text

    from shrinkage.audits.wording import findings_text, verdict_text

    console = Console(highlight=False)
    if report.seen:
        console.print(_table(report))
    console.print(Text(verdict_text(report), style="bold green" if report.ok else "bold red"))
    for severity, head, *below in findings_text(report.findings):
        console.print(Text(head, style=_STYLES[severity]), soft_wrap=True)
        for line in below:
            console.print(Text(f"  {line}"), soft_wrap=True)
    if report.findings:
        hint = f"what it costs: shrinkage audit --explain {report.findings[0].rule}"
        console.print(Text(hint, style="dim"), soft_wrap=True)


_STYLES = {"error": "red", "warning": "yellow", "info": "dim"}


def _table(report: Any) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from shrinkage.audits.wording import cells_of, columns_of

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = columns_of(report.seen)
    for column in columns:
        table.add_column(column, overflow="fold")
    for arrival in report.seen:
        table.add_row(*map(Text, cells_of(arrival)[: len(columns)]))
    return table
