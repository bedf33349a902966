"""`shrinkage convert VALUE --from A --to B`: what a number of one library is in another."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from shrinkage.errors import InputError

_CONTEXT_PANEL = "Context, where the formula needs it"


def _context(text: str, *names: str) -> Any:
    return typer.Option(*names, help=text, show_default=False, rich_help_panel=_CONTEXT_PANEL)


class WithNegativeNumbers(TyperCommand):
    """The command, which takes -1 for a number, so that it can say what numbers are expected."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return the words that no parameter took."""
        ctx.ignore_unknown_options = any(re.fullmatch(r"-[\d.][\d.,eE+-]*", word) for word in args)
        return super().parse_args(ctx, args)


def command(
    value: Annotated[
        str | None,
        typer.Argument(help="The number; L1,L2 for keras.l1_l2.", show_default=False),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Its convention.", show_default=False)
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", help="The convention wanted.", show_default=False)
    ] = None,
    learning_rate: Annotated[
        float | None, _context("The optimizer's learning rate.", "--learning-rate")
    ] = None,
    max_learning_rate: Annotated[
        float | None, _context("The largest of the schedule.", "--max-learning-rate")
    ] = None,
    fan_in: Annotated[int | None, _context("Inputs of the matrix, for Muon.", "--fan-in")] = None,
    decayed_share: Annotated[
        float | None,
        _context("Share of the coordinates that cautious decay decays.", "--decayed-share"),
    ] = None,
    samples: Annotated[int | None, _context("Rows of training data.", "--samples")] = None,
    batch_size: Annotated[int | None, _context("Rows a step.", "--batch-size")] = None,
    steps_per_epoch: Annotated[
        float | None, _context("Steps an epoch.", "--steps-per-epoch")
    ] = None,
    group_size: Annotated[
        int | None, _context("Weights of a group, as many in each.", "--group-size")
    ] = None,
    epsilon: Annotated[float | None, _context("The log-sum's, of both.", "--epsilon")] = None,
    l1_ratio: Annotated[
        float | None, _context("Share of L1, from 0 to 1; glmnet's alpha.", "--l1-ratio")
    ] = None,
    loss: Annotated[
        str | None,
        _context("half_squared_error or squared_error, without a half.", "--loss"),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Name the conventions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Convert the strength of a regularizer between libraries, with formula and conditions.

    Examples:

      shrinkage convert 0.01 --from keras.l2 --to torch.sgd.weight_decay

      shrinkage convert 10 --from sklearn.Ridge.alpha --to shrinkage.l2 --samples 1000

      shrinkage convert 0.1 --from torch.muon.weight_decay --to keras.muon.weight_decay --fan-in 512
    """
    if listed:
        _show_list(as_json=as_json)
        return
    for argument, name in ((value, "a number"), (source, "--from"), (target, "--to")):
        if argument is None:
            raise InputError(
                f"expected VALUE --from A --to B, got no {name.removeprefix('a ')}: "
                "shrinkage convert --list names the conventions"
            )
    context = {
        "learning_rate": learning_rate,
        "max_learning_rate": max_learning_rate,
        "fan_in": fan_in,
        "decayed_share": decayed_share,
        "n_samples": samples,
        "batch_size": batch_size,
        "steps_per_epoch": steps_per_epoch,
        "group_size": group_size,
        "epsilon": epsilon,
        "l1_ratio": l1_ratio,
        "loss": loss,
    }
    _show(_number(str(value)), str(source), str(target), context, as_json=as_json)


def _number(text: str) -> float | tuple[float, ...]:
    """Return the number, or the numbers that commas separate."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"expected a number, or two with a comma for keras.l1_l2, got {text!r}: write it as "
            "in 0.01"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def _show(value: Any, source: str, target: str, context: dict[str, Any], *, as_json: bool) -> None:
    from shrinkage.conventions import convert

    answer = convert(value, source, target, **context)
    if as_json:
        print(
            json.dumps({**asdict(answer), "holds": answer.holds.name.lower()}, ensure_ascii=False)
        )
        return
    first, *rest = str(answer).splitlines()
    typer.secho(first, bold=True)  # a table of Rich takes a tenth of the command to load
    for line in rest:
        typer.echo(line)


def _show_list(*, as_json: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from shrinkage.conventions import convention_named, convention_names

    conventions = [convention_named(name) for name in convention_names()]
    if as_json:
        rows = [{"name": item.name, "meaning": item.meaning} for item in conventions]
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("name", no_wrap=True)
    table.add_column("meaning")
    for item in conventions:
        table.add_row(Text(item.name), Text(item.meaning))
    Console(highlight=False).print(table)
