"""`shrinkage penalties`: what can be penalised with, by formula and options."""

from __future__ import annotations


def command() -> None:
    """List the penalties with their formulas and options."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from shrinkage.penalties.registry import REGISTRY

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("penalty", "formula", "what it does", "options"):
        table.add_column(column)
    for entry in REGISTRY.values():
        options = ", ".join(
            f"--{option.name.replace('_', '-')} ({option.default})" for option in entry.options
        )
        table.add_row(entry.name, entry.formula, entry.summary, options)
    Console(highlight=False, markup=False).print(table)
