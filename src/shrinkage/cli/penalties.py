"""`shrinkage penalties`: what can be penalised with, by formula and options."""

from __future__ import annotations


def command() -> None:
    """List the penalties with their formulas, options and other names."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from shrinkage.penalties import REGISTRY, options_of

    table = Table(box=box.SIMPLE_HEAD)
    for column in ("penalty", "also called", "formula, what it does, options"):
        table.add_column(column)
    for name, penalty in REGISTRY.items():
        options = [f"{option.flag} ({option.default})" for option in options_of(penalty)]
        lines = (penalty.formula, penalty.summary, ", ".join(options))
        table.add_row(name, "\n".join(penalty.also_called), "\n".join(filter(None, lines)))
    Console(highlight=False, markup=False).print(table)
