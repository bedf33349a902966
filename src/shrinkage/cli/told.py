"""What the commands tell of a table before training, with data as plain text, in 80 columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shrinkage.drawing.text import count_text, plain, share_text
from shrinkage.reports.cautions import caution_text
from shrinkage.reports.target_told import target_text
from shrinkage.reports.told_columns import column_shows, kind_words, told_columns
from shrinkage.reports.wording import score_wording

if TYPE_CHECKING:
    from shrinkage.datasets import Dataset, Preprocessing
    from shrinkage.datasets.table_look import TableLook
    from shrinkage.paths.running.plan import Plan
    from shrinkage.target_reading import TargetReading


MOST_ROWS = 100
"""So many columns, and lines about them, are shown in the terminal."""

_NAME, _HOLDS = 20, 12  # letters of a name, and of what a column holds, that are shown at least
_WISHED = 30  # letters of what it holds, before a name has more


def show_look(look: TableLook, written: Path | None) -> None:
    """Print every column, what was decided, and what would be refused."""
    from shrinkage.datasets.refusing import drop_option

    console = Console(highlight=False)
    inputs = "no inputs" if look.inputs is None else count_text(look.inputs, "input")
    rows, columns = count_text(look.rows, "row"), count_text(look.columns, "column")
    console.print(Text(f"{plain(look.name)}: {rows}, {columns}, {inputs}"))
    console.print(_table(look, console.width))
    if len(look.records) > MOST_ROWS:
        more = len(look.records) - MOST_ROWS
        console.print(Text(f"and {more:,} further columns, which --json tells"))
    target = [] if look.target is None else _target(look.target)
    labels = look.target is not None and look.target.task == "classification"
    told = told_columns(
        [record for record in look.records if not (labels and record["role"] == "target")],
        most=MOST_ROWS,
    )
    for line in (*look.notes, *target, *told):
        console.print(Text(plain(line)))
    if look.left_out:
        console.print(Text(f"left out: {', '.join(map(plain, look.left_out))}"))
    for caution in look.cautions:
        console.print(Text(f"warning: {caution_text(caution)}", style="yellow"))
    for line in (*look.refused.values(), *([look.trouble] if look.trouble else [])):
        console.print(Text(f"refused: {plain(line)}", style="yellow"))
    if len(look.unusable) > 1:
        option = plain(drop_option(look.unusable))
        console.print(Text(f"what leaves these {len(look.unusable)} out: {option}"))
    if written is not None:
        dropped = ", ".join(map(plain, look.unusable))
        said = f", where drop = true leaves out {dropped}" if dropped else ""
        console.print(Text(f"columns: {written}{said}"))


def _target(reading: TargetReading) -> list[str]:
    """Return what the target is, and how well a model without inputs does."""
    if reading.task == "multi-label":
        shares = [part.counts[-1] / sum(part.counts) for part in reading.parts]
        score = f"a mean average precision of {sum(shares) / len(shares):.2f}"
        return [target_text(reading), f"a model without inputs has {score}"]
    if not reading.counts:
        score = "an R² of 0" if reading.events is None else "a concordance index of 0.5"
        return [target_text(reading), f"a model without inputs has {score}"]
    share = share_text(max(reading.counts) / sum(reading.counts))
    return [target_text(reading), f"a model without inputs is right in {share} of the rows"]


def tell_columns(data: Dataset, preprocessing: Preprocessing | None = None) -> None:
    """Say what the target is, and what is not ordinary of columns, before anything is trained.

    Args:
        data: the data set.
        preprocessing: fitted on its training rows: what its columns become.
    """
    from shrinkage.datasets.column_records import column_records
    from shrinkage.datasets.wording import listed

    out = f"left out: {listed(data.left_out)}" if data.left_out else ""
    target = [] if data.target is None else [target_text(data.target)]
    classes = data.task == "classification"  # labels are kept as they are spelled
    read = [r for r in data.readings if not (classes and r.role.value == "target")]
    tell_lines(*data.notes, out, *target, *told_columns(column_records(read, preprocessing)))


def tell_lines(*lines: str) -> None:
    """Print lines that are not empty on the error stream."""
    console = Console(stderr=True, highlight=False)
    for line in filter(None, lines):
        console.print(Text(plain(line)))


def tell_plan(plan: Plan) -> None:
    """Say what is known of rows and scores before anything is trained."""
    console = Console(stderr=True, highlight=False)
    wording = score_wording(plan.problem.scorer.name)
    score = wording.text(float(plan.constant.folds.mean()))
    where = "over the folds" if plan.folds > 1 else "on the validation rows"
    console.print(Text(f"a model without inputs: {wording.label} {score} {where}"))
    for line in plan.told:
        console.print(Text(plain(line)))
    if plan.why_engine:
        console.print(Text(f"engine {plan.engine.name}: {plan.why_engine}"))
    for caution in plan.cautions:
        console.print(Text(f"warning: {caution_text(caution)}", style="yellow"))


def _inputs(record: Mapping[str, Any], refused: Mapping[str, str]) -> str:
    """Return how many inputs a column makes, or what it is instead of inputs."""
    if record["name"] in refused:
        return "refused"
    if record["role"] != "input":
        return record["role"]
    return "" if record["inputs"] is None else f"{record['inputs']:,}"


def _table(look: TableLook, width: int) -> Table:
    """Return the columns; where the terminal is narrow, what they hold is cut first."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    headers = ("column", "taken for", "missing", "inputs", "holds")
    rows = [_cells(look, record) for record in look.records[:MOST_ROWS]]
    longest = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    most = max(_NAME, width - sum(longest[1:4]) - _WISHED - 2 * len(headers))
    longest[0] = min(longest[0], most)
    room = max(_HOLDS, width - sum(longest[:4]) - 2 * len(headers))
    for place, header in enumerate(headers):
        table.add_column(
            header,
            justify="right" if header in ("missing", "inputs") else "left",
            overflow="ellipsis",
            no_wrap=True,
            min_width=longest[place] if place < 4 else None,
            max_width=longest[place] if place < 4 else room,
        )
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table


def _cells(look: TableLook, record: Mapping[str, Any]) -> tuple[str, ...]:
    share = record["missing"] / record["rows"] if record["rows"] else 0.0
    return (
        plain(record["name"]),
        kind_words(record),
        share_text(share) if share else "",
        _inputs(record, look.refused),
        column_shows(record),
    )
