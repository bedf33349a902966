"""`shrinkage path DATA`: from data to a chosen strength."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage.cli.lists import LISTED
from shrinkage.cli.path_values import folder_of, model_with, strengths_of
from shrinkage.cli.penalty_options import penalty_with, tell_names
from shrinkage.cli.reading_options import (
    Encoding,
    Header,
    Names,
    Separator,
    Sheet,
    read_options_of,
    tell_notes,
)
from shrinkage.comma_lists import CommaList, items_of
from shrinkage.errors import SkippedReport
from shrinkage.extras import missing

if TYPE_CHECKING:
    from shrinkage.paths.running.estimate import Estimate
    from shrinkage.paths.running.plan import Plan

INTERRUPTED = 130
DATA = typer.Argument(
    metavar="DATA",
    help="A file: text in any layout, Parquet, a workbook, JSON, …, also packed; a folder of parts "
    "or of IDX images; sqlite:FILE:TABLE; openml:NAME; - for the input stream; or digits, "
    "breast-cancer, wine, diabetes, mnist.",
    show_default=False,
)
DATA_PANEL, MODEL_PANEL, PATH_PANEL = "Data", "Model and training", "Path and run"


def _data_option(text: str, *names: str, **extra):
    return typer.Option(*names, help=text, rich_help_panel=DATA_PANEL, show_default=False, **extra)


def _model_option(text: str, *names: str, **extra):
    return typer.Option(*names, help=text, rich_help_panel=MODEL_PANEL, **extra)


def _path_option(text: str, *names: str, **extra):
    return typer.Option(*names, help=text, rich_help_panel=PATH_PANEL, **extra)


def command(
    data: Annotated[str, DATA],
    target: Annotated[
        str | None, _data_option("Column to predict.", "--target", metavar="COLUMN")
    ] = None,
    drop: Annotated[
        list[CommaList] | None,
        _data_option("Columns to leave out; repeatable.", "--drop", **LISTED),
    ] = None,
    split_by: Annotated[
        str | None,
        _data_option(
            "Column whose equal values (a person, a day) stay together in test and folds.",
            "--split-by",
            metavar="COLUMN",
        ),
    ] = None,
    sample_weight: Annotated[
        str | None, _data_option("Column of row weights.", "--sample-weight", metavar="COLUMN")
    ] = None,
    task: Annotated[
        str | None,
        _data_option(
            "classification or regression; guessed if left out.", "--task", metavar="TASK"
        ),
    ] = None,
    columns: Annotated[
        Path | None,
        _data_option(
            "What columns are: a columns.toml, as `data` writes one.", "--columns", metavar="FILE"
        ),
    ] = None,
    missing_target: Annotated[
        str,
        _data_option(
            "Rows without a target: refuse, drop, or class (words such as NA are a class). "
            "[default: refuse]",
            "--missing-target",
            metavar="NAME",
        ),
    ] = "refuse",
    drop_missing_target: Annotated[
        bool, _data_option("The same as --missing-target drop.", "--drop-missing-target")
    ] = False,
    rare: Annotated[
        str,
        _data_option(
            "Rare classes: keep, or other (merged into one). [default: keep]",
            "--rare",
            metavar="NAME",
        ),
    ] = "keep",
    rare_below: Annotated[
        int | None,
        _data_option(
            "With --rare other: fewer rows are rare. [default: by the folds]",
            "--rare-below",
            metavar="COUNT",
        ),
    ] = None,
    class_weight: Annotated[
        str,
        _data_option(
            "Classes count balanced, or none: by their rows. [default: none]",
            "--class-weight",
            metavar="NAME",
        ),
    ] = "none",
    validation: Annotated[
        str | None,
        _data_option(
            "Rows of your own to choose the strength with, instead of folds.",
            "--validation",
            metavar="FILE",
        ),
    ] = None,
    test: Annotated[
        str | None,
        _data_option("Test rows of your own; they are looked at once.", "--test", metavar="FILE"),
    ] = None,
    separator: Separator = None,
    encoding: Encoding = None,
    header: Header = None,
    names: Names = None,
    sheet: Sheet = None,
    test_size: Annotated[
        float,
        _data_option(
            "Share of the rows held out for the test. [default: 0.2]",
            "--test-size",
            metavar="SHARE",
        ),
    ] = 0.2,
    penalty: str = "l1",
    groups: Annotated[
        Path | None,
        _model_option(
            "Groups of columns for group-lasso: TOML or JSON, NAME = [columns].",
            "--groups",
            metavar="FILE",
        ),
    ] = None,
    free: Annotated[
        list[CommaList] | None,
        _model_option("Columns that no penalty is on, in the first layer.", "--free", **LISTED),
    ] = None,
    on: Annotated[
        list[CommaList] | None,
        _model_option(
            "Weights to penalise, by patterns of their names, such as '0.*'; repeatable. "
            "[default: every weight, no bias]",
            "--on",
            **LISTED,
        ),
    ] = None,
    fixed: Annotated[
        list[str] | None,
        _model_option(
            "A term that every model has beside the penalty, such as '1e-3*l2'; repeatable.",
            "--with",
            metavar="TERM",
        ),
    ] = None,
    update: Annotated[
        str,
        _model_option(
            "How the penalty enters a step: proximal (exact zeros), decoupled (as in AdamW), "
            "gradient or loss.",
            "--update",
            metavar="NAME",
        ),
    ] = "proximal",
    model: Annotated[
        str,
        _model_option(
            "linear, mlp:WIDTHS, or package.module:function, called with (n_inputs, n_outputs).",
            "--model",
            metavar="MODEL",
        ),
    ] = "mlp:64,32",
    activation: Annotated[
        str | None,
        _model_option("mlp: relu, gelu or tanh. [default: relu]", "--activation", metavar="NAME"),
    ] = None,
    dropout: Annotated[
        float | None,
        _model_option("mlp: dropout probability. [default: 0]", "--dropout", metavar="NUMBER"),
    ] = None,
    norm: Annotated[
        str | None, _model_option("mlp: batch or layer. [default: none]", "--norm", metavar="NAME")
    ] = None,
    epochs: Annotated[
        int | None,
        _model_option(
            "Passes over the rows. [default: about 2,000 steps, from 5 to 200 epochs]",
            "--epochs",
            metavar="COUNT",
        ),
    ] = None,
    batch_size: Annotated[
        int | None, _model_option("Rows a step. [default: 128]", "--batch-size", metavar="COUNT")
    ] = None,
    learning_rate: Annotated[
        float,
        _model_option(
            "Largest learning rate of Adam's schedule.", "--learning-rate", metavar="NUMBER"
        ),
    ] = 4e-3,
    strengths: Annotated[
        list[CommaList] | None,
        _path_option(
            "How many, or the strengths themselves, ascending. [default: 20]",
            "--strengths",
            **{**LISTED, "metavar": "COUNT|A,B"},
        ),
    ] = None,
    folds: Annotated[
        int, _path_option("Folds of the cross validation.", "--folds", metavar="COUNT")
    ] = 5,
    repeats: Annotated[
        int | None,
        _path_option(
            "How often rows are divided into folds anew. [default: 1; 3 with under 300 rows in 5 "
            "folds]",
            "--repeats",
            metavar="COUNT",
        ),
    ] = None,
    choose_by: Annotated[
        str,
        _path_option(
            "What chooses the strength: score, or loss (log loss, squared error).",
            "--choose-by",
            metavar="NAME",
        ),
    ] = "score",
    compare: Annotated[
        bool,
        _path_option(
            "Compare with logistic or ridge regression, a forest and boosting on the same folds.",
            "--compare",
        ),
    ] = False,
    score: Annotated[
        str | None,
        _path_option(
            "What is told and chooses: a scorer of scikit-learn. [default: accuracy or r2]",
            "--score",
            metavar="NAME",
        ),
    ] = None,
    positive: Annotated[
        str | None,
        _path_option(
            "Of two labels the one that precision, recall, … are about.",
            "--positive",
            metavar="LABEL",
        ),
    ] = None,
    score_weights: Annotated[
        bool,
        _path_option("Whether row weights count in scores.", "--score-weights/--no-score-weights"),
    ] = True,
    refit: Annotated[
        str,
        _path_option(
            "Which strengths are trained again on all training rows: chosen or all.",
            "--refit",
            metavar="NAME",
        ),
    ] = "chosen",
    seed: Annotated[
        int,
        _path_option(
            "Of splits, weights and batches; the same one repeats a run.",
            "--seed",
            metavar="NUMBER",
        ),
    ] = 0,
    engine: Annotated[
        str,
        _path_option(
            "All strengths at once or one by one: auto, stacked or sequential.",
            "--engine",
            metavar="NAME",
        ),
    ] = "auto",
    precision: Annotated[
        str,
        _path_option(
            "Of matrix products: auto, float32, or bfloat16 where the processor has it.",
            "--precision",
            metavar="NAME",
        ),
    ] = "auto",
    device: Annotated[str, _path_option("auto, cpu, cuda, …", "--device", metavar="NAME")] = "auto",
    runner: Annotated[
        str, _path_option("What runs the models: threads.", "--runner", metavar="NAME")
    ] = "threads",
    memory: Annotated[
        str | None,
        _path_option(
            "The most memory to take, such as 2GB: models train in chunks that fit. [default: half "
            "of what is free]",
            "--memory",
            metavar="SIZE",
        ),
    ] = None,
    fast: Annotated[
        bool,
        _path_option(
            "Train all strengths of a network a little, and in full only those that the choice "
            "asks for.",
            "--fast",
        ),
    ] = False,
    out: Annotated[
        Path | None, _path_option("Run directory. [default: runs/NAME]", "--out", metavar="FOLDER")
    ] = None,
    resume: Annotated[
        bool, _path_option("Start, or go on with, the run in the directory.", "--resume")
    ] = False,
    quiet: Annotated[bool, _path_option("No bar, no table.", "--quiet", "-q")] = False,
    **penalty_options: Any,
) -> None:
    """Train over a grid of strengths with cross validation, choose one, refit, test, report.

    A run directory with report.html is written. Exit status 0: done; 2: bad input, said in one
    line; 130: stopped, to go on with --resume.

    \b
    Examples:
      shrinkage path digits
      shrinkage path table.csv --target price --drop id --drop name
      shrinkage path table.csv --target price --penalty elastic-net --l1-ratio 0.3
      shrinkage path digits --penalty l1 --with "1e-3*l2"
      shrinkage path table.csv --choose-by loss --compare
      shrinkage path images/ --model mlp:256,64 --strengths 1e-4,1e-3,1e-2
    """
    from shrinkage.cli.shown import announce, no_report, show_result, with_warnings_as_lines
    from shrinkage.cli.told import tell_columns, tell_plan
    from shrinkage.datasets import load_dataset
    from shrinkage.datasets.column_specs import read_specs
    from shrinkage.paths import PathOptions
    from shrinkage.paths.groups_file import read_groups
    from shrinkage.paths.own_sets import own_set, with_own_sets
    from shrinkage.run import fit_dataset
    from shrinkage.terms.text import written_term

    beside = [written_term(text, "--with") for text in fixed or ()]
    chosen_penalty = penalty_with(penalty, penalty_options)
    fixed_terms = [term.term() for term in beside]
    options = PathOptions(
        strengths=strengths_of(strengths),
        folds=folds,
        repeats=repeats,
        choose_by=choose_by,
        compare=compare,
        update=update,
        select=items_of(on),
        groups_of_inputs=None if groups is None else read_groups(groups),
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        scorer=score,
        positive=positive,
        score_weights=score_weights,
        class_weight=None if class_weight == "none" else class_weight,
        rare=rare,
        rare_below=rare_below,
        test_size=test_size,
        refit=refit,
        engine=engine,
        precision=precision,
        device=device,
        runner=runner,
        memory=memory,
        fast=fast,
    )
    specs = {} if columns is None else read_specs(columns)
    unknown = "drop" if drop_missing_target else missing_target
    roles = {"target": target, "drop": drop or (), "specs": specs, "missing_target": unknown}
    rows = load_dataset(
        data,
        split_by=split_by,
        sample_weight=sample_weight,
        task=task,
        read_options=read_options_of(separator, encoding, header, names, sheet),
        **roles,
    )
    told: dict[str, tuple[str, ...]] = {}
    options = replace(options, free=items_of(free, rows.input_names or ()))
    roles |= {"task": rows.task, "rules": rows.rules, "read_options": rows.read_options.inherit()}
    roles |= {"like": rows.target}

    def further(what: str, source: str | None, **extra: Any):
        if source is None:
            return None
        with own_set(what, Path(source).name):
            own = load_dataset(source, **extra, **roles)
        told[source] = own.notes
        return own

    rows, positions = with_own_sets(
        rows,
        further("validation", validation, sample_weight=sample_weight),
        further("test", test),
    )

    plans: list[Plan] = []

    def before_training(estimate: Estimate) -> None:
        tell_names(penalty, *(term.name for term in beside))
        if not quiet:
            tell_columns(rows, plans[0].preparation.preprocessing)
            for source, notes in told.items():
                tell_notes(source, notes)
            tell_plan(plans[0])
            announce(estimate)
            if missing("reports") is not None:
                typer.echo(no_report(folder), err=True)

    folder = Path("runs") / folder_of(rows.name) if out is None else out
    warnings.simplefilter("ignore", SkippedReport)  # it is told in a line
    try:
        result = with_warnings_as_lines(
            fit_dataset,
            model_with(model, activation, dropout, norm),
            rows,
            penalty=chosen_penalty,
            fixed=fixed_terms,
            options=options,
            validation=positions,
            store=folder,
            resume=resume,
            progress=False if quiet else None,
            shown=quiet,
            announce=before_training,
            foretell=plans.append,
        )
    except KeyboardInterrupt:
        typer.echo(f"stopped; the same command with --resume goes on in {folder}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    show_result(result, folder, quiet=quiet)
