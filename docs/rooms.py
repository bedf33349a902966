"""Draw the rooms of the library and the two walks through them: `docs/images/rooms.png`.

Who uses this: `docs/architecture.md`. The rows are the layers of the import contract in
pyproject.toml, so the picture cannot show an arrow that the contract forbids; the sentence in a
room is the first of its own docstring.
"""

from __future__ import annotations

import ast
import textwrap
import tomllib
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
from matplotlib import pyplot as plt
from PIL import Image

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "rooms.png"
WIDTH, HEIGHT, GAP = 12.0, 0.86, 0.26
STRENGTH, ROW = "#D55E00", "#0072B2"
WALKS = {
    STRENGTH: ("a strength", ("cli", "run", "paths", "terms", "penalties", "pytorch")),
    ROW: ("a row of data", ("cli", "datasets", "paths", "reports")),
}


def layers() -> list[list[str]]:
    """Return the layers of the import contract, the top one first, as names of rooms."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (arrows,) = (c for c in contracts["contracts"] if c["type"] == "layers")
    return [
        [name.strip().removeprefix("shrinkage.") for name in layer.split("|")]
        for layer in arrows["layers"]
    ]


def summary(room: str) -> str:
    """Return the first sentence of a room's docstring."""
    path = ROOT / "src" / "shrinkage" / room
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return text.split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".")


def draw() -> None:
    """Write the picture."""
    rows = layers()
    figure, axes = plt.subplots(figsize=(WIDTH, len(rows) * (HEIGHT + GAP) * 0.82 + 0.9))
    centres: dict[str, tuple[float, float]] = {}
    for level, rooms in enumerate(rows):
        y = (len(rows) - 1 - level) * (HEIGHT + GAP)
        width = (WIDTH - 0.15 * (len(rooms) - 1)) / len(rooms) if len(rooms) > 1 else 6.4
        left = 0.0 if len(rooms) > 1 else (WIDTH - width) / 2
        for number, room in enumerate(rooms):
            x = left + number * (width + 0.15)
            axes.add_patch(
                plt.Rectangle(
                    (x, y), width, HEIGHT, facecolor="#f4f4f1", edgecolor="#555555", lw=0.8
                )
            )
            words = textwrap.wrap(summary(room), max(14, int(width * 13.5)))
            shown = words[:3] if len(words) <= 3 else [*words[:2], words[2] + " …"]
            axes.text(x + 0.1, y + HEIGHT - 0.08, room, va="top", weight="bold", size=9.5)
            axes.text(x + 0.1, y + HEIGHT - 0.31, "\n".join(shown), va="top", size=6.6)
            centres[room] = (x + width, y + HEIGHT / 2)
    for colour, (_, rooms) in WALKS.items():
        for number, room in enumerate(rooms, start=1):
            x, y = centres[room]
            x -= 0.2 if colour == STRENGTH else 0.5
            axes.plot(x, y + 0.27, "o", color=colour, ms=12)
            axes.text(x, y + 0.262, str(number), color="white", ha="center", va="center", size=7.5)
    top = len(rows) * (HEIGHT + GAP)
    for colour, (what, _), x in zip(WALKS, WALKS.values(), (0.15, 3.4), strict=True):
        axes.plot(x, top, "o", color=colour, ms=10)
        axes.text(x + 0.2, top, f"the walk of {what}", va="center", size=9)
    axes.text(
        WIDTH, top, "each room imports from rooms below it only", ha="right", va="center", size=9
    )
    axes.set(xlim=(-0.05, WIDTH + 0.05), ylim=(-0.1, top + 0.3))
    axes.axis("off")
    figure.savefig(PICTURE, dpi=110, bbox_inches="tight", metadata={"Software": None})
    Image.open(PICTURE).convert("RGB").quantize(128).save(PICTURE, optimize=True)  # a light page


if __name__ == "__main__":
    draw()
