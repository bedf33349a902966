"""Write the tables in docs/concepts/growth.md from benchmarks/results/growth.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "concepts" / "growth.md"
RESULT = ROOT / "benchmarks" / "results" / "growth.json"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
MODELS = {"mlp": "network", "linear": "linear model"}


def _rows(lines: list[list[str]]) -> str:
    head, *rest = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rest))


def _exponent(value: float | None) -> str:
    return "hardly grows" if value is None else f"{value:.2f}"


def exponents(axes: list[dict[str, Any]]) -> str:
    """Return a row for each axis: its range, and the exponents of time and memory."""
    rows = [["model", "what grows", "from … to", "exponent of time", "exponent of memory"]]
    for axis in axes:
        sizes, fitted = [point["size"] for point in axis["points"]], axis["exponents"]
        rows.append(
            [
                MODELS[axis["model"]],
                axis["axis"],
                f"{sizes[0]:,} … {sizes[-1]:,}",
                _exponent(fitted["cpu_seconds"]),
                _exponent(fitted["megabytes"]),
            ]
        )
    return _rows(rows)


def points(axes: list[dict[str, Any]]) -> str:
    """Return every measured point."""
    rows = [["model", "what grows", "size", "CPU seconds", "memory, MB"]]
    rows += [
        [
            MODELS[axis["model"]],
            axis["axis"],
            f"{point['size']:,}",
            f"{point['cpu_seconds']:,.2f}",
            f"{max(0.0, point['megabytes']):,.0f}",
        ]
        for axis in axes
        for point in axis["points"]
    ]
    return _rows(rows)


def page() -> str:
    """Return the page with fresh tables."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    machine, axes = result["machine"], result["axes"]
    beside = f", {result['note']}" if "note" in result else ""
    told = f"On {machine['cores']} cores ({machine['processor']}), {result['date']}{beside}."
    parts = (BEGIN, exponents(axes), told, "## Every point", points(axes), END)
    return before + "\n\n".join(parts) + after


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
