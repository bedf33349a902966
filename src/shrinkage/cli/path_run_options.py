"""The options of `shrinkage path` about the path, what chooses, and the run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from shrinkage.cli.lists import LISTED
from shrinkage.comma_lists import CommaList

PANEL = "Path and run"


def _option(text: str, *names: str, **extra: Any):
    return typer.Option(*names, help=text, rich_help_panel=PANEL, **extra)


Strengths = Annotated[
    list[CommaList] | None,
    _option(
        "How many, or the strengths themselves, ascending; one alone as 0.01. [default: 20]",
        "--strengths",
        **{**LISTED, "metavar": "COUNT|A,B"},
    ),
]
Second = Annotated[
    list[str] | None,
    _option(
        "A further penalty whose strength varies, such as l2: a surface; --strengths then gives "
        "counts, 12,8, or is repeated. Repeatable, up to three axes.",
        "--second",
        metavar="PENALTY",
    ),
]
Vary = Annotated[
    list[str] | None,
    _option(
        "A further axis: penalty=l1,l2,group-lasso, each with strengths of its own; dropout, norm, "
        "activation, width (times the hidden widths), learning_rate, batch_size, epochs or a field "
        "of the penalty, such as dropout=0,0.2,0.5. Repeatable.",
        "--vary",
        metavar="NAME=A,B",
    ),
]
Search = Annotated[
    int | None,
    _option(
        "Search strengths, dropout, norm, width and learning rate by so many trials (extra "
        "search); --vary says what else, a range as learning_rate=1e-3..1e-2.",
        "--search",
        metavar="COUNT",
    ),
]
Outer = Annotated[
    int | None,
    _option(
        "Outer folds in which a whole search is repeated for an honest score. [default: 3]",
        "--outer",
        metavar="COUNT",
    ),
]
Simplest = Annotated[
    str,
    _option(
        "What the simplest model of a surface has fewest of: weights or inputs.",
        "--simplest",
        metavar="NAME",
    ),
]
Goal = Annotated[
    str | None,
    _option(
        "Make one network ever smaller and take the smallest within one standard error (smallest; "
        "'smallest features' by columns, 'smallest dense' by whole units), the best of a budget "
        "('50 features', '3000 weights', '40 units', '20 kB', '20 kB dense') or the smallest that "
        "is so good ('error 1.69%', 'score 0.9'). Strengths are compressions then.",
        "--goal",
        metavar="GOAL",
    ),
]
Folds = Annotated[int, _option("Folds of the cross validation.", "--folds", metavar="COUNT")]
Repeats = Annotated[
    int | None,
    _option(
        "How often rows are divided into folds anew. [default: 1; 3 with under 300 rows in 5 "
        "folds]",
        "--repeats",
        metavar="COUNT",
    ),
]
Nested = Annotated[
    int | None,
    _option(
        "Outer folds in which the whole procedure is repeated, for an honest score of it.",
        "--nested",
        metavar="COUNT",
    ),
]
ChooseBy = Annotated[
    str,
    _option(
        "What chooses the strength: score, or loss (log loss, squared error).",
        "--choose-by",
        metavar="NAME",
    ),
]
Compare = Annotated[
    bool,
    _option(
        "Compare with logistic or ridge regression, a forest, boosting, and the network without "
        "a penalty at its own best learning rate, on the same folds.",
        "--compare",
    ),
]
Score = Annotated[
    str | None,
    _option(
        "What is told and chooses: a scorer of scikit-learn. [default: by the loss]",
        "--score",
        metavar="NAME",
    ),
]
ScoreBy = Annotated[
    str | None,
    _option(
        "Column of groups: the score is told for the rows of each, too.",
        "--score-by",
        metavar="COLUMN",
    ),
]
Positive = Annotated[
    str | None,
    _option(
        "Of two labels the one that precision, recall, … are about.",
        "--positive",
        metavar="LABEL",
    ),
]
ScoreWeights = Annotated[
    bool,
    _option("Whether row weights count in scores.", "--score-weights/--no-score-weights"),
]
Refit = Annotated[
    str,
    _option(
        "Which strengths are trained again on all training rows: chosen or all.",
        "--refit",
        metavar="NAME",
    ),
]
Members = Annotated[
    int,
    _option(
        "Networks of the best strength, from seeds of their own, whose mean predicts, too; 8 is "
        "usual.",
        "--members",
        metavar="COUNT",
    ),
]
Seed = Annotated[
    int,
    _option(
        "Of splits, weights and batches; the same one repeats a run.",
        "--seed",
        metavar="NUMBER",
    ),
]
Engine = Annotated[
    str,
    _option(
        "All strengths at once or one by one: auto, stacked, vectorized or sequential.",
        "--engine",
        metavar="NAME",
    ),
]
Precision = Annotated[
    str,
    _option(
        "Of matrix products: auto, float32, or bfloat16 where the processor has it.",
        "--precision",
        metavar="NAME",
    ),
]
Device = Annotated[str, _option("auto, cpu, cuda, …", "--device", metavar="NAME")]
Runner = Annotated[
    str,
    _option(
        "What runs the models: threads, processes, ray or slurm.",
        "--runner",
        metavar="NAME",
    ),
]
Address = Annotated[
    str | None,
    _option(
        "Of a Ray cluster, HOST:PORT or auto [default: one on this machine]; for slurm a folder "
        "that all nodes see. [default: ~/.shrinkage]",
        "--address",
        metavar="WHERE",
    ),
]
Memory = Annotated[
    str | None,
    _option(
        "The most memory to take, such as 2GB: models train in chunks that fit. [default: half "
        "of what is free]",
        "--memory",
        metavar="SIZE",
    ),
]
Fast = Annotated[
    bool,
    _option(
        "Train all strengths of a network a little, and in full only those that the choice "
        "asks for.",
        "--fast",
    ),
]
Settle = Annotated[
    float | None,
    _option(
        "End a network early where no more than this share of its loss, zeros and classes would "
        "still change; 0: never. [default: 1e-6, with --fast 0.01]",
        "--settle",
        metavar="SHARE",
    ),
]
Out = Annotated[
    Path | None, _option("Run directory. [default: runs/NAME]", "--out", metavar="FOLDER")
]
Resume = Annotated[bool, _option("Start, or go on with, the run in the directory.", "--resume")]
Quiet = Annotated[bool, _option("No bar, no table.", "--quiet", "-q")]
