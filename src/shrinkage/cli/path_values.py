"""What was typed for `shrinkage path`, as values: the model, the strengths, a folder."""

from __future__ import annotations

from shrinkage.comma_lists import CommaList, items_of
from shrinkage.errors import InputError


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
    """Return how many strengths, or the strengths themselves."""
    if texts is None:
        return 20
    items, typed = items_of(texts), ",".join(texts)
    if len(items) < 2 and "," not in typed:
        try:
            return int(typed)
        except ValueError:
            raise InputError(
                f"expected --strengths to be a count of at least 2 or an ascending comma list, "
                f"got {typed!r}"
            ) from None
    try:
        return tuple(map(float, items))
    except ValueError:
        raise InputError(f"expected numbers in --strengths, got {typed!r}") from None


def folder_of(name: str) -> str:
    """Return a name for a folder.

    >>> folder_of("my table.csv")
    'my-table.csv'
    """
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    return safe.strip(".-") or "run"
