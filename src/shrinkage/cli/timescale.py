"""`shrinkage timescale`: how long a weight decay remembers, and how to carry it over."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import typer

from shrinkage.cli.lists import LISTED
from shrinkage.comma_lists import CommaList, items_of
from shrinkage.errors import InputError, near_names

if TYPE_CHECKING:
    from shrinkage.conventions import ScaledDecay, Timescale

    Answers = Mapping[str, tuple[ScaledDecay, ...]]

CHANGES = {
    "twice the samples": {"samples": 2.0},
    "twice the epochs": {"epochs": 2.0},
    "twice the batch": {"batch_size": 2.0},
    "twice the width, half the learning rate": {"width": 2.0, "learning_rate": 0.5},
}


def command(
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", help="The largest of the schedule.")
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
    change: Annotated[
        list[CommaList] | None,
        typer.Option(
            "--scale",
            help="A change to carry the decay over, as factors, new over old: "
            "width=4,learning_rate=0.25; also samples, epochs, batch_size, parameters.",
            show_default=False,
            **LISTED,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say the timescale of a weight decay, its published range, and how to carry it over.

    Examples:

      shrinkage timescale --learning-rate 1e-3 --weight-decay 0.1

      shrinkage timescale --learning-rate 1e-3 --weight-decay 0.1 --scale width=4,learning_rate=0.25
    """
    from rich.console import Console
    from rich.text import Text

    from shrinkage.conventions import scaled_weight_decay, timescale

    answer = timescale(
        learning_rate, weight_decay, samples=samples, batch_size=batch_size, epochs=epochs
    )
    changes = CHANGES if change is None else {",".join(change): _factors(items_of(change))}
    answers = {name: scaled_weight_decay(weight_decay, **changes[name]) for name in changes}
    if as_json:
        print(json.dumps({**_fields(answer), "scaled": _scaled(answers)}, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for line in [*_lines(answer), *(_table(answers) if weight_decay else [])]:
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
        "rotation": answer.rotation(),
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
    lines.append(
        f"behind a normalization a step turns a weight by √(2 · {rate}) = {answer.rotation():.4g} "
        f"radians (by {answer.rotation(0.9):.4g} under AdamW with β₁ = 0.9)"
    )
    return lines


def _factors(items: Sequence[str]) -> dict[str, float]:
    """Return the factors of texts NAME=FACTOR."""
    from shrinkage.conventions.scaling import SettingChange

    known = [field.name for field in fields(SettingChange)]
    factors: dict[str, float] = {}
    for part in items:
        name, _, factor = (piece.strip() for piece in part.partition("="))
        if name not in known:
            hint = near_names(name, known) or "correct it"
            raise InputError(
                f"expected --scale as factors of {', '.join(known)}, got {part!r}: {hint}"
            )
        if name in factors:
            raise InputError(
                f"expected {name} once in --scale, got {','.join(items)!r}: name each once"
            )
        try:
            factors[name] = float(factor)
        except ValueError:
            raise InputError(
                f"expected a number for {name} in --scale, got {factor!r}: write {name}=2"
            ) from None
    return factors


def _scaled(answers: Answers) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return the answers for machines."""
    return {
        change: {
            answer.rule.name: {"matrices": answer.matrices, "vectors": answer.vectors}
            for answer in scaled
        }
        for change, scaled in answers.items()
    }


def _table(answers: Answers) -> list[str]:
    """Return a row for every change, a column for every rule, and what each rule is."""
    rules = {answer.rule.name: answer.rule for scaled in answers.values() for answer in scaled}
    width = max(map(len, answers))
    head = "".join(f"  {name:>11}" for name in rules)
    lines = ["weight_decay to carry it over, by the rules that speak of the change:"]
    lines.append(f"  {'':{width}}{head}")
    for change, scaled in answers.items():
        numbers = {answer.rule.name: f"{answer.matrices:.4g}" for answer in scaled}
        cells = "".join(f"  {numbers.get(name, '-'):>11}" for name in rules)
        lines.append(f"  {change:{width}}{cells}")
    for name, rule in rules.items():
        vectors = "" if rule.vectors is None else f"; vectors: {rule.vectors:g}"
        lines.append(f"{name}: {rule.keeps}{vectors}; for {rule.published_for} ({rule.source})")
    return lines
