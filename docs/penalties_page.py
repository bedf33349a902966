"""Writes the registered penalties into docs/reference/penalties.md when the site is built.

Who uses this: mkdocs, through `hooks` in mkdocs.yml. The page says where, the registry says what,
so that a new penalty is on it without a line of documentation beside its own docstring.
"""

from __future__ import annotations

from typing import Any

from shrinkage.penalties import REGISTRY, Penalty, options_of

TABLE, ENTRIES = "<!-- penalties: table -->", "<!-- penalties: entries -->"
HEAD = ("name", "formula", "what it does", "it is", "options", "also called")


def table() -> str:
    """Return the table of the registered penalties as Markdown."""
    lines = [HEAD, ("---",) * len(HEAD)]
    lines += [
        (
            f"`{name}`",
            penalty.formula,
            penalty.summary,
            _facts(penalty),
            "<br>".join(f"`{option.flag}`: {option.text}" for option in options_of(penalty)),
            ", ".join(f"`{other}`" for other in penalty.also_called),
        )
        for name, penalty in REGISTRY.items()
    ]
    escaped = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def _facts(penalty: type[Penalty]) -> str:
    """Return what the penalty says of itself, in words."""
    words = (
        "smooth" if penalty.smooth else "nonsmooth",
        "convex" if penalty.convex else "not convex",
    )
    return ", ".join((*words, "separable") if penalty.separable else words)


def entries() -> str:
    """Return one entry of the reference a penalty, its docstring with its signature."""
    return "\n\n".join(f"::: {p.__module__}.{p.__qualname__}" for p in REGISTRY.values())


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page with the table and the entries in their places."""
    return markdown.replace(TABLE, table()).replace(ENTRIES, entries())
