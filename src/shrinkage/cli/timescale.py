"""`shrinkage timescale`: how long a weight decay remembers, and how to carry it over."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from shrinkage.conventions import Timescale


def command(
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", help="The largest of its schedule.")
    ],
    weight_decay: Annotated[
        float, typer.Option("--weight-decay", help="Decoupled, as in torch.optim.AdamW.")
    ],
    samples: Annotated[
        int | None, typer.Option("--samples", help="Rows of training data.", show_default=False)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help="Rows a step.", show_default=False)
    ] = None,
    epochs: Annotated[
        float | None, typer.Option("--epochs", help="Length of training.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say the timescale of a weight decay, and where it lies against the published range."""
    from rich.console import Console
    from rich.text import Text

    from shrinkage.conventions import timescale

    answer = timescale(
        learning_rate, weight_decay, samples=samples, batch_size=batch_size, epochs=epochs
    )
    if as_json:
        print(json.dumps(_fields(answer), ensure_ascii=False))
        return
    console = Console(highlight=False)
    for line in _lines(answer):
        console.print(Text(line), soft_wrap=True)


def _fields(answer: Timescale) -> dict[str, object]:
    """Return the answer for machines; without decay there is no timescale, which is null."""
    finite = not math.isinf(answer.steps)
    return {
        "steps": answer.steps if finite else None,
        "epochs": answer.epochs if finite else None,
        "steps_per_epoch": answer.steps_per_epoch,
        "place": answer.place.name.lower(),
        "published_range": answer.published_range,
        "below_resolution": answer.below_resolution,
    }


def _lines(answer: Timescale) -> list[str]:
    rate = f"{answer.learning_rate:g} · {answer.weight_decay:g}"
    if math.isinf(answer.steps):
        return [answer.place.value]
    counted = "" if answer.epochs is None else f" = {answer.epochs:.4g} epochs"
    lines = [f"timescale: 1 / ({rate}) = {answer.steps:.6g} steps{counted}", answer.place.value]
    if answer.published_range is not None:
        low, high = answer.published_range
        lines.append(f"the range is weight_decay from {low:.4g} to {high:.4g}")
    if answer.below_resolution:
        lines.append(
            f"in float32 1 − {rate} rounds to 1: this decay changes no weight; use a larger one"
        )
    moved = {
        "twice the samples": answer.weight_decay_at(samples=2),
        "twice the batch": answer.weight_decay_at(batch_size=2),
        "twice the width at half the learning rate (muP)": answer.weight_decay_at(
            learning_rate=0.5
        ),
    }
    lines.append("to keep the timescale in epochs, the published rule:")
    lines += [f"  {change}: weight_decay {decay:.4g}" for change, decay in moved.items()]
    return lines
