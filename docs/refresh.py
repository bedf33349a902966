"""Bring the pictures and the numbers of a finished run into the README: `docs/refresh.py RUN`.

Who uses this: whoever changes the default recipe or the report. It copies two figures, small
enough for a page, and writes the text between the `run` marks of README.md from the run itself,
so that no figure there is typed by hand.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from PIL import Image

from shrinkage.paths import load_result
from shrinkage.reports import summary_sentence, text_table
from shrinkage.reports.gain import gain_sentence
from shrinkage.reports.sentence import one_standard_error_sentence

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- run: begin -->", "<!-- run: end -->"
FIGURES = ("score", "first-layer")
WIDTH, MOST_BYTES = 900, 100_000
SHOWN_ROWS = 4


def copy_pictures(run: Path) -> None:
    """Copy the figures of the README; one that is heavy loses pixels and colours."""
    for key in FIGURES:
        source, target = run / "figures" / f"{key}.png", ROOT / "docs" / "images" / f"{key}.png"
        if source.stat().st_size <= MOST_BYTES:
            shutil.copyfile(source, target)
            continue
        picture = Image.open(source).convert("RGB")
        height = round(picture.height * WIDTH / picture.width)
        small = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
        small.quantize(dither=Image.Dither.NONE).save(target, optimize=True)


def printed(run: Path) -> str:
    """Return what the command line says about the run: the rows around the choice, the answer."""
    result = load_result(run)
    head, *rows = text_table(result).splitlines()
    best = result.best.index or 0
    last = min(len(rows), best + SHOWN_ROWS // 2 + 1)
    lines = [head, *rows[max(0, last - SHOWN_ROWS) : last]]
    sentences = [summary_sentence(result), one_standard_error_sentence(result)]
    return "\n".join(
        [
            BEGIN,
            "```text",
            *(line.rstrip() for line in lines),
            "…",
            sentences[0],
            f"{gain_sentence(result).split('. ')[0]}. …",
            "report: runs/demo/report.html",
            "```",
            "",
            f"{sentences[1]}",
            END,
        ]
    )


def refresh(run: Path) -> None:
    """Bring pictures and numbers up to date."""
    copy_pictures(run)
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(before + printed(run) + after, encoding="utf-8")


if __name__ == "__main__":
    refresh(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo"))
