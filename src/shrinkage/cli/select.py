"""`shrinkage select DATA`: the columns that hold up, or the best so many (`--best`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from shrinkage.cli import path_data_options as data_options
from shrinkage.cli import path_model_options as model_options
from shrinkage.cli import path_run_options as run_options
from shrinkage.cli.path_values import class_weight_of, event_of, folder_of, model_with, task_with
from shrinkage.cli.penalty_options import penalty_with, tell_names
from shrinkage.cli.reading_options import (
    Encoding,
    Header,
    Names,
    Separator,
    Sheet,
    read_options_of,
)
from shrinkage.cli.stopping import goes_on_in
from shrinkage.comma_lists import items_of
from shrinkage.errors import InputError

PANEL = "Selection"
SelectModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="linear, mlp:WIDTHS, or package.module:function, called with (n_inputs, n_outputs). "
        "[default: linear; with --best mlp:64,32]",
        metavar="MODEL",
        rich_help_panel=model_options.PANEL,
    ),
]
OF_HALVES = {
    **{"penalty": "--penalty", "fixed": "--with", "groups": "--groups", "free": "--free"},
    **{"on": "--on", "false_selections": "--false", "threshold": "--threshold"},
    **{"pairs": "--pairs", "strengths": "--strengths", "level": "--level"},
}
"""Options of the halves of the rows, which `--best` has not, beside those of the penalty."""


def _option(text: str, *names: str, **extra: Any):
    return typer.Option(*names, help=text, rich_help_panel=PANEL, **extra)


def command(
    context: typer.Context,
    data: Annotated[str, data_options.DATA],
    target: data_options.Target = None,
    drop: data_options.Drop = None,
    split_by: data_options.SplitBy = None,
    sample_weight: data_options.SampleWeight = None,
    event: data_options.Event = None,
    task: data_options.Task = None,
    columns: data_options.Columns = None,
    missing_target: data_options.MissingTarget = "refuse",
    drop_missing_target: data_options.DropMissingTarget = False,
    class_weight: data_options.ClassWeight = "none",
    separator: Separator = None,
    encoding: Encoding = None,
    header: Header = None,
    names: Names = None,
    sheet: Sheet = None,
    penalty: str = "l1",
    groups: model_options.Groups = None,
    free: model_options.Free = None,
    on: model_options.On = None,
    fixed: model_options.Fixed = None,
    model: SelectModel = None,
    activation: model_options.Activation = None,
    dropout: model_options.Dropout = None,
    norm: model_options.Norm = None,
    epochs: model_options.Epochs = None,
    batch_size: model_options.BatchSize = None,
    learning_rate: model_options.LearningRate = 4e-3,
    optimizer: model_options.Optimizer = None,
    loss: model_options.Loss = None,
    augment: model_options.Augment = None,
    answer: model_options.Answer = None,
    best: Annotated[
        int | None,
        _option(
            "Select the best COUNT columns of a network instead: not beside "
            f"{', '.join(OF_HALVES.values())}, or options of the penalty.",
            "--best",
            metavar="COUNT",
        ),
    ] = None,
    networks: Annotated[
        int | None,
        _option(
            "With --best: how many networks nominate columns. [default: 4]",
            "--networks",
            metavar="COUNT",
        ),
    ] = None,
    false_selections: Annotated[
        float,
        _option("Columns selected by mistake: at most so many are expected.", "--false"),
    ] = 1.0,
    threshold: Annotated[
        float,
        _option("Share of the halves that must draw a column, above 0.5.", "--threshold"),
    ] = 0.75,
    pairs: Annotated[
        int, _option("How often the rows are halved.", "--pairs", metavar="COUNT")
    ] = 50,
    strengths: Annotated[
        int, _option("Strengths of the path of a half.", "--strengths", metavar="COUNT")
    ] = 40,
    level: Annotated[
        float,
        _option("Of the universal threshold: chance that mere noise lets a column in.", "--level"),
    ] = 0.05,
    seed: run_options.Seed = 0,
    device: run_options.Device = "auto",
    runner: run_options.Runner = "threads",
    memory: run_options.Memory = None,
    out: run_options.Out = None,
    resume: run_options.Resume = False,
    quiet: run_options.Quiet = False,
    **penalty_options: Any,
) -> None:
    """Name the columns that most halves of the rows select, with a bound on mistakes.

    The rows are halved again and again; on each half columns are drawn in the order in which they
    enter the model. With --best 50 it is another question: the 50 columns with which a network
    predicts best. A folder is written: columns.csv, selection.json and a picture. Exit status 0:
    done; 2: bad input, said in one line; 130: stopped, to go on with --resume.

    \b
    Examples:
      shrinkage select table.csv --target price
      shrinkage select genes.csv --target kind --false 0.5 --threshold 0.9
      shrinkage select table.csv --model mlp:16 --penalty group-lasso --pairs 20
      shrinkage select trial.csv --target days --event died --loss cox
      shrinkage select mnist --best 50
    """
    from shrinkage.cli.told import tell_columns, tell_lines
    from shrinkage.datasets import load_dataset
    from shrinkage.datasets.column_specs import read_specs
    from shrinkage.paths.groups_file import read_groups
    from shrinkage.terms.text import written_term

    _check_best(context, best, networks, penalty_options)
    beside = [written_term(text, "--with") for text in fixed or ()]
    chosen_penalty = penalty_with(penalty, penalty_options)
    weights = class_weight_of(class_weight)
    groups_of_inputs = None if groups is None else read_groups(groups)
    rows = load_dataset(
        data,
        target=target or None,
        drop=drop or (),
        split_by=split_by,
        sample_weight=sample_weight,
        event=event_of(event, loss),
        task=task_with(loss, task),
        specs={} if columns is None else read_specs(columns),
        missing_target="drop" if drop_missing_target else missing_target,
        read_options=read_options_of(separator, encoding, header, names, sheet),
    )
    # torch is loaded from here on: what is wrong with the data was said before
    from shrinkage.cli.shown_selection import show_best_columns, show_selection
    from shrinkage.paths import PathOptions
    from shrinkage.paths.data_losses import loss_of
    from shrinkage.paths.selecting.stability import StabilityOptions
    from shrinkage.ranking import NETWORKS, best_of_dataset
    from shrinkage.stability import select_of_dataset

    stability = StabilityOptions(
        false_selections=false_selections, threshold=threshold, pairs=pairs, strengths=strengths
    )
    options = PathOptions(
        update="proximal",
        select=items_of(on),
        groups_of_inputs=groups_of_inputs,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        loss=loss,
        augment=augment,
        answer=answer,
        class_weight=weights,
        device=device,
        runner=runner,
        memory=memory,
    )
    options = replace(options, free=items_of(free, rows.input_names or ()))
    tell_names(penalty, *(term.name for term in beside))

    def tell(_: object) -> None:
        if not quiet:
            tell_columns(rows)
            tell_lines(loss_of(options.loss, rows).taken(rows.y))

    folder = Path("runs") / f"{folder_of(rows.name)}-columns" if out is None else out
    if best is not None:
        with goes_on_in(folder):
            ranked = best_of_dataset(
                model_with(model or "mlp:64,32", activation, dropout, norm),
                rows,
                keep=best,
                networks=NETWORKS if networks is None else networks,
                options=options,
                store=folder,
                resume=resume,
                progress=False if quiet else None,
                foretell=tell,
            )
        show_best_columns(ranked, folder, quiet=quiet)
        return
    with goes_on_in(folder):
        selection = select_of_dataset(
            model_with(model or "linear", activation, dropout, norm),
            rows,
            penalty=chosen_penalty,
            fixed=[term.term() for term in beside],
            options=options,
            stability=stability,
            level=level,
            store=folder,
            resume=resume,
            progress=False if quiet else None,
            foretell=tell,
        )
    show_selection(selection, folder, quiet=quiet)


def _check_best(
    context: typer.Context,
    best: int | None,
    networks: int | None,
    penalty_options: Mapping[str, object],
) -> None:
    """Refuse options of the one question with the other.

    Raises:
        InputError: an option that would do nothing.
    """
    if best is None:
        if networks is not None:
            raise InputError("expected --best COUNT with --networks, got none: say how many")
        return
    of_penalty = {name: f"--{name.replace('_', '-')}" for name in penalty_options}
    for name, option in (OF_HALVES | of_penalty).items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise InputError(
                f"expected either --best or {option}, got both: {option} is about halves of the "
                "rows, and --best about the best so many columns of a network"
            )
