"""`shrinkage path DATA`: from data to a chosen strength."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage.cli import path_data_options as data_options
from shrinkage.cli import path_model_options as model_options
from shrinkage.cli import path_run_options as run_options
from shrinkage.cli.path_values import (
    class_weight_of,
    event_of,
    folder_of,
    model_with,
    strengths_of,
    task_with,
)
from shrinkage.cli.penalty_options import penalty_with_goal, tell_names
from shrinkage.cli.reading_options import (
    Encoding,
    Header,
    Names,
    Separator,
    Sheet,
    read_options_of,
    tell_notes,
)
from shrinkage.cli.stopping import goes_on_in
from shrinkage.comma_lists import items_of
from shrinkage.errors import SkippedReport
from shrinkage.extras import missing

if TYPE_CHECKING:
    from shrinkage.paths.running.estimate import Estimate
    from shrinkage.paths.running.plan import Plan


def command(
    data: Annotated[str, data_options.DATA],
    target: data_options.Target = None,
    drop: data_options.Drop = None,
    split_by: data_options.SplitBy = None,
    sample_weight: data_options.SampleWeight = None,
    time: data_options.Time = None,
    event: data_options.Event = None,
    task: data_options.Task = None,
    columns: data_options.Columns = None,
    missing_target: data_options.MissingTarget = "refuse",
    drop_missing_target: data_options.DropMissingTarget = False,
    rare: data_options.Rare = "keep",
    rare_below: data_options.RareBelow = None,
    class_weight: data_options.ClassWeight = "none",
    validation: data_options.Validation = None,
    test: data_options.Test = None,
    separator: Separator = None,
    encoding: Encoding = None,
    header: Header = None,
    names: Names = None,
    sheet: Sheet = None,
    test_size: data_options.TestSize = 0.2,
    penalty: str | None = None,
    groups: model_options.Groups = None,
    free: model_options.Free = None,
    on: model_options.On = None,
    fixed: model_options.Fixed = None,
    update: model_options.Update = "proximal",
    model: model_options.Model = "mlp:64,32",
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
    strengths: run_options.Strengths = None,
    second: run_options.Second = None,
    vary: run_options.Vary = None,
    search: run_options.Search = None,
    outer: run_options.Outer = None,
    simplest: run_options.Simplest = "weights",
    goal: run_options.Goal = None,
    folds: run_options.Folds = 5,
    repeats: run_options.Repeats = None,
    nested: run_options.Nested = None,
    choose_by: run_options.ChooseBy = "score",
    compare: run_options.Compare = False,
    score: run_options.Score = None,
    score_by: run_options.ScoreBy = None,
    positive: run_options.Positive = None,
    score_weights: run_options.ScoreWeights = True,
    refit: run_options.Refit = "chosen",
    members: run_options.Members = 1,
    seed: run_options.Seed = 0,
    engine: run_options.Engine = "auto",
    precision: run_options.Precision = "auto",
    device: run_options.Device = "auto",
    runner: run_options.Runner = "threads",
    address: run_options.Address = None,
    memory: run_options.Memory = None,
    fast: run_options.Fast = False,
    settle: run_options.Settle = None,
    out: run_options.Out = None,
    resume: run_options.Resume = False,
    quiet: run_options.Quiet = False,
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
      shrinkage path digits --penalty l1 --second l2 --strengths 12,8
      shrinkage path digits --vary penalty=l1,l2,group-lasso
      shrinkage path digits --penalty l2 --search 60
      shrinkage path digits --goal smallest
      shrinkage path table.csv --goal "10 features"
      shrinkage path visits.csv --target visits --loss poisson
      shrinkage path trial.csv --target days --event died --loss cox
      shrinkage path table.csv --choose-by loss --compare
      shrinkage path images/ --model mlp:256,64 --strengths 1e-4,1e-3,1e-2
    """
    chosen_penalty = penalty_with_goal(
        *(penalty, penalty_options, goal),
        **{"members": members, "nested": nested, "fast": fast, "engine": engine, "update": update},
    )
    from shrinkage.cli.path_surface import Axes, fitting
    from shrinkage.cli.told import tell_columns, tell_plan
    from shrinkage.datasets import load_dataset
    from shrinkage.datasets.column_specs import read_specs
    from shrinkage.paths.groups_file import read_groups
    from shrinkage.paths.own_sets import own_set, with_own_sets
    from shrinkage.terms.text import written_term

    beside = [written_term(text, "--with") for text in fixed or ()]
    fixed_terms = [term.term() for term in beside]
    asked = Axes(second, vary, strengths, search, outer, simplest)
    typed = penalty is not None or any(value is not None for value in penalty_options.values())
    axes = asked.of(chosen_penalty, typed=typed)
    counted, weights = strengths_of(None if axes else strengths), class_weight_of(class_weight)
    groups_of_inputs = None if groups is None else read_groups(groups)
    specs = {} if columns is None else read_specs(columns)
    unknown = "drop" if drop_missing_target else missing_target
    roles = {"target": target or None, "drop": drop or (), "specs": specs}
    roles |= {"missing_target": unknown}
    roles |= {"event": event_of(event, loss)}
    rows = load_dataset(
        data,
        split_by=split_by,
        sample_weight=sample_weight,
        time=time,
        score_by=score_by,
        task=task_with(loss, task),
        read_options=read_options_of(separator, encoding, header, names, sheet),
        **roles,
    )
    # torch is loaded from here on: what is wrong with the data was said before
    from shrinkage.cli.shown import announce, no_report, show_result, with_warnings_as_lines
    from shrinkage.paths import PathOptions

    options = PathOptions(
        strengths=counted,
        folds=folds,
        repeats=repeats,
        nested=nested,
        choose_by=choose_by,
        compare=compare,
        update=update,
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
        scorer=score,
        positive=positive,
        score_weights=score_weights,
        class_weight=weights,
        rare=rare,
        rare_below=rare_below,
        test_size=test_size,
        refit=refit,
        members=members,
        engine=engine,
        precision=precision,
        device=device,
        runner=runner,
        address=address,
        memory=memory,
        fast=fast,
        goal=goal,
        settle=settle,
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
        tell_names(*((penalty,) if penalty else ()), *(term.name for term in beside))
        if not quiet:
            tell_columns(plans[0].preparation.data, plans[0].preparation.preprocessing)
            for source, notes in told.items():
                tell_notes(source, notes)
            tell_plan(plans[0])
            announce(estimate)
            if missing("reports") is not None:
                typer.echo(no_report(folder), err=True)

    folder = Path("runs") / folder_of(rows.name) if out is None else out
    warnings.simplefilter("ignore", SkippedReport)  # it is told in a line
    with goes_on_in(folder):
        result = with_warnings_as_lines(
            fitting(axes, chosen_penalty, options),
            model_with(model, activation, dropout, norm),
            rows,
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
    show_result(result, folder, quiet=quiet)
