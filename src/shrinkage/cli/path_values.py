"""What was typed for `shrinkage path`, as values: the model, the strengths, a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shrinkage.comma_lists import CommaList, items_of
from shrinkage.errors import InputError

if TYPE_CHECKING:
    from shrinkage.datasets.rare import ClassWeight
    from shrinkage.datasets.targets import Label


def model_with(model: str, activation: str | None, dropout: float | None, norm: str | None) -> str:
    """Return the model's name with the options of an MLP behind it."""
    offered = {"activation": activation, "dropout": dropout, "norm": norm}
    options = [f"{key}={value}" for key, value in offered.items() if value is not None]
    if options and not model.startswith("mlp:"):
        raise InputError(
            f"--{options[0].partition('=')[0]} belongs to mlp models, but the model is {model}; "
            "leave it out"
        )
    return ";".join([model, *options])


def strengths_of(texts: list[CommaList] | None) -> int | tuple[float, ...]:
    """Return how many strengths, or the strengths themselves.

    >>> strengths_of([CommaList("12")]), strengths_of([CommaList("0.1")])
    (12, (0.1,))
    """
    return 20 if texts is None else count_or_strengths(items_of(texts), ",".join(texts))


def count_or_strengths(items: tuple[str, ...], typed: str) -> int | tuple[float, ...]:
    """Return what stands in one option: a whole number alone is how many.

    Raises:
        InputError: something in it is no number, or nothing is in it.
    """
    if typed.strip().removeprefix("-").isdecimal():
        return int(typed)
    try:
        return tuple(float(item) for item in items or ("",))
    except ValueError:
        raise InputError(
            "expected --strengths as a count of at least 2 or an ascending comma list of numbers, "
            f"got {typed!r}: write 12, or 0.001,0.01, or 0.01 for one strength"
        ) from None


def class_weight_of(text: str) -> ClassWeight:
    """Return `balanced`, None for `none`, or the weight of each label in `no=1,yes=3`.

    >>> class_weight_of("no=1,yes=3"), class_weight_of("balanced")
    ({'no': 1.0, 'yes': 3.0}, 'balanced')
    """
    if "=" not in text:
        return None if text == "none" else text
    weights: dict[Label, float] = {}
    for item in CommaList(text).items():
        label, _, weight = item.rpartition("=")
        try:
            weights[label.strip()] = float(weight)
        except ValueError:
            raise InputError(
                f"expected --class-weight as balanced, none or LABEL=WEIGHT,…, got {text!r}: write "
                "for example no=1,yes=3"
            ) from None
    return weights


def task_with(loss: str | None, task: str | None) -> str | None:
    """Return the task: what was said, or what the loss that was named is for."""
    if loss is None or task is not None:
        return task  # without what knows all losses, which takes seconds to load
    from shrinkage.paths.data_losses import data_loss, names_function, task_of

    return None if names_function(loss) else task_of(data_loss(loss).name, None)


def event_of(event: str | None, loss: str | None) -> str | None:
    """Return the column of events, which only one loss knows."""
    if event is not None and (loss or "").partition(":")[0] != "cox":
        raise InputError(
            f"expected --loss cox beside --event {event}, got {loss or 'none'}: give both or none"
        )
    return event


def folder_of(name: str) -> str:
    """Return a name for a folder.

    >>> folder_of("my table.csv")
    'my-table.csv'
    """
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    return safe.strip(".-") or "run"
