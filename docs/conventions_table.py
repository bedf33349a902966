"""Write the table of conventions in docs/reference/conventions.md from the registry."""

from __future__ import annotations

from pathlib import Path

from shrinkage.conventions.registry import REGISTRY

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "conventions.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEAD = ("name", "what it means", "strength", "data loss", "holds when", "checked by")


def table() -> str:
    """Return the table as Markdown."""
    lines = [HEAD, ("---",) * len(HEAD)]
    lines += [
        (
            f"`{entry.name}`",
            entry.meaning,
            entry.strength.text(),
            entry.data_loss.value,
            entry.valid_when,
            entry.checked_by,
        )
        for entry in REGISTRY.values()
    ]
    escaped = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def page() -> str:
    """Return the page with a fresh table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
