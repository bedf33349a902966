"""Write the table of optimizers and loops in docs/reference/loops.md from the tests' registry."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "loops.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
sys.path.insert(0, str(ROOT))


def table() -> str:
    """Return the table with its footnotes as Markdown."""
    from shrinkage.pytorch.optimizers import FACTS
    from tests.pytorch.support.loops import LOOPS
    from tests.pytorch.support.registry import cell_of
    from tests.pytorch.support.rows import CAPTURABLE, ROWS, UPDATES

    notes: dict[str, int] = {}

    def cell(row, loop: str) -> str:
        refused: dict[str, list[str]] = {}
        for update in UPDATES:
            reason = cell_of(row, loop, update).refusal
            if reason is not None:
                refused.setdefault(reason, []).append(update)
        if not refused:
            return "✓"
        words = [
            f"not {', '.join(updates)} [{notes.setdefault(reason, len(notes) + 1)}]"
            for reason, updates in refused.items()
        ]
        whole = sum(map(len, refused.values())) == len(UPDATES)
        return "; ".join(words) if whole else "✓ " + "; ".join(words)

    head = ["optimizer", *LOOPS]
    lines = [head, ["---"] * len(head)]
    lines += [[f"`{row.name}`", *(cell(row, loop) for loop in LOOPS)] for row in ROWS]
    torchs = "torch runs it only on an accelerator or in a compiled step"
    number = notes.setdefault(torchs, len(notes) + 1)
    lines += [[f"`{row.name}`", *[f"[{number}]"] * len(LOOPS)] for row in CAPTURABLE]
    for kind, facts in FACTS.items():
        if not facts.refuses:
            continue
        by_reason: dict[str, list[str]] = {}
        for update, reason in facts.refuses.items():
            by_reason.setdefault(reason, []).append(update)
        words = "; ".join(
            f"not {', '.join(updates)} [{notes.setdefault(reason, len(notes) + 1)}]"
            for reason, updates in by_reason.items()
        )
        allowed = [update for update in UPDATES if update not in facts.refuses]
        words = f"{', '.join(allowed)} in its closure; {words}" if allowed else words
        lines.append([f"`{kind.__name__}`", *[words] * len(LOOPS)])
    rows = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    footnotes = "\n".join(f"{number}. {note}" for note, number in notes.items())
    return f"{rows}\n\n{footnotes}"


def page() -> str:
    """Return the page with a fresh table."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
