"""Write the tables in docs/reference/parity.md from the registry of tests/parity/frameworks."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "parity.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
sys.path.insert(0, str(ROOT))


def _rows(lines: list[list[str]]) -> str:
    head, *rest = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rest))


def sums() -> str:
    """Return the sums of penalties, a row each."""
    from tests.parity.frameworks.registry import SUMS

    rows = [["sum", "terms on the weights of its network"]]
    for name, terms in SUMS.items():
        words = " + ".join(f"{term.strength:g} * {term.penalty!r}" for term in terms)
        rows.append([f"`{name}`", f"`{words}`" + (", about a reference" * (name == "around"))])
    return _rows(rows)


def agreement() -> str:
    """Return which framework agrees with NumPy where, and why a case does not exist."""
    from tests.parity.frameworks.registry import FRAMEWORKS, OPTIMIZERS, SUMS, UPDATES, Case

    notes: dict[str, int] = {}

    def cell(framework: str, optimizer: str, update: str) -> str:
        absent: dict[str, list[str]] = {}
        for name in SUMS:
            reason = Case(framework, optimizer, update, name).reason
            if reason is not None:
                absent.setdefault(reason, []).append(name)
        words = [
            f"[{notes.setdefault(reason, len(notes) + 1)}]"
            if len(names) == len(SUMS)
            else f"not `{'`, `'.join(names)}` [{notes.setdefault(reason, len(notes) + 1)}]"
            for reason, names in absent.items()
        ]
        whole = sum(map(len, absent.values())) == len(SUMS)
        return "; ".join(words) if whole else " ".join(["✓", "; ".join(words)]).strip()

    rows = [["optimizer", "update", *(made.title for made in FRAMEWORKS.values())]]
    rows += [
        [setting.title, update, *(cell(name, optimizer, update) for name in FRAMEWORKS)]
        for optimizer, setting in OPTIMIZERS.items()
        for update in UPDATES
    ]
    footnotes = "\n".join(f"{number}. {note}" for note, number in notes.items())
    return f"{_rows(rows)}\n\n{footnotes}"


def page() -> str:
    """Return the page with fresh tables."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{sums()}\n\n{agreement()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
