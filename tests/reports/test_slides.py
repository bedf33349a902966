"""A page of slides: whole, escaped, everything there without a script, one figure with it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from shrinkage.drawing.figures import Axis, LineFigure, Series
from shrinkage.reports.slides import Row, Slides, render_slides

HOSTILE = "</script><img src=x onerror=alert(1)> & {{ 7 * 7 }}"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
ALONE = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


def figure(name: str) -> LineFigure:
    line = Series(name, np.arange(3.0), np.arange(3.0), "best")
    return LineFigure("one", name, f"{name} rises.", "A line.", Axis("x"), Axis("y"), (line,))


def row(name: str, values: tuple[str, ...], start: int = 0) -> Row:
    return Row(name, "strength", values, tuple(map(figure, values)), start)


PAGE = render_slides(
    Slides(f"Walk {HOSTILE}", HOSTILE, (row("L1", ("0.1", "1"), 1), row(HOSTILE, (HOSTILE,))))
)


class Tags(HTMLParser):
    """Collect tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_every_figure_is_there_and_visible_without_a_script():
    figures = Tags(PAGE).of("figure")
    places = [(found["data-row"], found["data-place"]) for found in figures]
    assert places == [("0", "0"), ("0", "1"), ("1", "0")]
    assert not any("hidden" in found for found in figures)


def test_text_is_never_markup():
    tags = Tags(PAGE)
    assert tags.of("img") == []
    assert len(tags.of("script")) == 2
    assert "{{ 7 * 7 }}" in PAGE
    assert "49" not in re.sub(r"<svg.*?</svg>", "", PAGE, flags=re.DOTALL)


def test_ids_are_unique():
    ids = [found["id"] for _, found in Tags(PAGE).tags if found.get("id")]
    assert len(ids) == len(set(ids))


def test_the_slider_knows_the_values_of_each_row():
    data = json.loads(re.findall(r'id="slides-data">(.*?)</script>', PAGE)[0])
    assert [found["values"] for found in data] == [["0.1", "1"], [HOSTILE]]
    assert data[0]["start"] == 1


def test_one_row_needs_no_choice_of_rows():
    page = render_slides(Slides("One", "", (row("L1", ("0.1",)),)))
    assert [found["type"] for found in Tags(page).of("input")] == ["range"]


@pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome")
def test_in_a_browser_one_figure_is_seen_and_follows_slider_and_choice(tmp_path: Path):
    acts = """<script>
    function seen() {
      var found = Array.from(document.querySelectorAll("figure")).filter(f => !f.hidden);
      return found.map(f => f.dataset.row + f.dataset.place).join();
    }
    var said = [seen()], slider = document.getElementById("place");
    slider.value = 0; slider.dispatchEvent(new Event("input")); said.push(seen());
    document.querySelectorAll("input[type=radio]")[1].click(); said.push(seen());
    document.body.dataset.said = said.join(" ");
    </script></body>"""
    (tmp_path / "page.html").write_text(PAGE.replace("</body>", acts), encoding="utf-8")
    command = (str(BROWSER), *ALONE, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom")
    page = (tmp_path / "page.html").as_uri()
    found = subprocess.run((*command, page), capture_output=True, text=True, timeout=60, check=True)
    assert 'data-said="01 00 10"' in found.stdout
