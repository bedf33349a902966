"""The application `shrinkage`: its commands, and how errors reach a person."""

from __future__ import annotations

import io
import sys
from typing import Annotated, NoReturn, cast

import typer
from typer.core import TyperGroup

import shrinkage
from shrinkage.cli import (
    audit,
    compact,
    convert,
    data,
    example,
    export,
    path,
    path_model_options,
    penalties,
    predict,
    report,
    select,
    timescale,
)
from shrinkage.cli.penalty_options import WithPenaltyOptions
from shrinkage.errors import ShrinkageError
from shrinkage.exits import BAD_INPUT, INTERRUPTED, end, lacks_memory

# Typer's own errors of usage have no public name; this one's base is all of them.
USAGE_ERROR = cast(type[Exception], typer.BadParameter.__mro__[1])


class Commands(TyperGroup):
    """The commands; an interrupt that none of them answered is an abort, which `run` answers."""

    def invoke(self, ctx: typer.Context) -> object:  # Typer would end with 130 and no word
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


app = typer.Typer(
    name="shrinkage",
    cls=Commands,
    help="Regularize neural networks, and know that it works.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("path", short_help="Choose a strength for data.")(
    WithPenaltyOptions(path.command, path_model_options.PANEL)
)
app.command("data", short_help="Tell a table before training.")(data.command)
app.command("report", short_help="Draw a run's report again.")(report.command)
app.command("predict", short_help="Predict rows with a run's model.")(predict.command)
app.command("compact", short_help="A run's model, smaller.")(compact.command)
app.command("select", short_help="Name the columns that hold up.")(
    WithPenaltyOptions(select.command, path_model_options.PANEL)
)
app.command("export", short_help="A run's model as ONNX.")(export.command)
app.command("audit", short_help="Does a loop's penalty arrive?")(audit.command)
app.command(
    "convert", short_help="A strength in other libraries.", cls=convert.WithNegativeNumbers
)(convert.command)
app.command("timescale", short_help="What a weight decay remembers.")(timescale.command)
app.command("example", short_help="Run an experiment.")(example.command)
app.command("penalties", short_help="List the penalties.")(penalties.command)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"shrinkage {shrinkage.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Regularize neural networks, and know that it works."""
    del version
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(*before: str) -> None:
    """Run the command line, with words before those that were typed, and end the process."""
    arguments = [*before, *sys.argv[1:]]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without λ shows a question mark
    try:
        status = app(arguments, standalone_mode=False, prog_name="shrinkage")
    except ShrinkageError as error:
        _refuse(str(error))
    except USAGE_ERROR as error:
        command = " ".join(["shrinkage", *_command(arguments)])
        _refuse(f"{error.format_message().rstrip('.')}; see {command} -h")  # type: ignore
    except OSError as error:
        if lacks_memory(error):
            raise
        where = f" ({error.filename})" if error.filename else ""
        _refuse(f"{error.strerror or error}{where}; check the path, permissions and free space")
    except (typer.Abort, KeyboardInterrupt):  # where no command was ready for it
        resumes = (
            "; it goes on with --resume" if _command(arguments) in (["path"], ["select"]) else ""
        )
        typer.echo(f"stopped{resumes}", err=True)
        end(INTERRUPTED)
    end(status if isinstance(status, int) else 0)


def _command(arguments: list[str]) -> list[str]:
    """Return the command's name in a list, which is empty where there is none."""
    return [name for name in arguments[:1] if name in [c.name for c in app.registered_commands]]


def _refuse(message: str) -> NoReturn:
    """Print one line, whatever the message holds, and end the process."""
    typer.echo("error: " + " ".join(message.splitlines()), err=True)
    end(BAD_INPUT)
