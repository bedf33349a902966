"""The page: whole, self-contained, escaped, the same bytes twice, and nothing left behind."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from shrinkage.atomic import write_bytes
from shrinkage.cautions import Caution, CautionKind
from shrinkage.drawing.draw import PNG_DPI, draw_figure, draw_png, draw_svg
from shrinkage.drawing.palette import PALETTE
from shrinkage.errors import ShrinkageError
from shrinkage.paths.results import AssignmentRow, ClassFigures, ConstantScore, Difference
from shrinkage.reports import all_figures, summary_sentence, write_report
from shrinkage.reports.example import example_result
from shrinkage.reports.figures.score import score_figure
from shrinkage.reports.page import render_page
from shrinkage.target_reading import TargetReading, TaskReason
from tests.reports.fake import group_result, image_result, regression_result

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "a & b",
    "$x^2$ and $\\frac{$",
    '"quoted" \'too\' style="fill: #0072b2"',
    "日本語 🎉 emoji",
    "<!-- --> ]]> {{ 7 * 7 }}",
    "line\nbreak\x00nul",
)


class Tags(HTMLParser):
    """Collect tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.tags)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_report(image_result(), folder)
    return folder


def page_of(result) -> str:
    return render_page(result, all_figures(result))


def hostile_result():
    base = regression_result()
    names = (*HOSTILE, "s5", "s6")
    layer = replace(base.layers[0], name='"><img src=x onerror=alert(1)>')
    return replace(
        base,
        summary={
            **base.summary,
            "data": HOSTILE[0],
            "model": HOSTILE[1],
            "versions": {HOSTILE[0]: HOSTILE[1]},
        },
        input_names=names,
        layers=(layer, replace(layer, name=HOSTILE[1])),
        assignment=tuple(AssignmentRow(t, (1,), t, t, t) for t in HOSTILE),
        warnings=HOSTILE,
        split_description=HOSTILE[0],
        score_name=HOSTILE[0],
        code="</code></pre><script>alert(1)</script>",
    )


def test_page_has_every_figure_with_its_description(written):
    tags = Tags((written / "report.html").read_text("utf-8"))
    result = image_result()
    keys = [figure.key for figure in all_figures(result)]
    cards = [a["id"] for tag, a in tags.tags if tag == "figure"]
    assert cards == [f"figure-{key}" for key in keys]
    labels = [a["aria-label"] for tag, a in tags.tags if tag == "svg" and a.get("role") == "img"]
    assert len(labels) == len(keys)
    assert all(label and len(label) > 40 for label in labels)
    assert {p.name for p in (written / "figures").iterdir()} == {f"{key}.png" for key in keys}


def test_page_opens_with_the_answer(written):
    page = (written / "report.html").read_text("utf-8").replace("\u00a0", " ")
    heading = re.search(r"<h1>(.*?)</h1>", page)
    assert heading is not None
    assert heading.group(1) == summary_sentence(image_result())


@pytest.mark.parametrize("make", [image_result, regression_result, group_result])
def test_page_needs_nothing_from_outside(make):
    page = page_of(make())
    assert "//" not in re.sub(r"base64,[A-Za-z0-9+/=\s]+", "", page)
    tags = Tags(page)
    assert tags.count("link") == tags.count("iframe") == tags.count("img") == 0
    for tag, attributes in tags.tags:
        for name in ("src", "href", "xlink:href", "action", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/png;base64,")), (tag, value)


def test_ids_are_unique_and_every_reference_has_a_target(written):
    page = (written / "report.html").read_text("utf-8")
    tags = Tags(page)
    ids = [a["id"] for _, a in tags.tags if "id" in a]
    assert len(ids) == len(set(ids))
    references = re.findall(r'(?:url\(|href=")#([^)"]+)', page)
    assert references
    assert set(references) <= set(ids)


def test_text_from_data_is_text():
    result = hostile_result()
    tags, clean = Tags(page_of(result)), Tags(page_of(regression_result()))
    assert tags.count("script") == clean.count("script") == 2
    assert tags.count("img") == 0
    assert not [a for _, a in tags.tags if any(name.startswith("on") for name in a)]
    for text in HOSTILE[:-1]:
        assert text in tags.text
    assert "49" not in tags.text.split("Who was penalised")[1].split("The numbers")[0]


def test_text_in_drawings_is_neither_markup_nor_mathematics_nor_colour():
    page = page_of(hostile_result())
    drawing = page[page.index('id="figure-inputs-chosen"') :]
    drawing = drawing[: drawing.index("</svg>")]
    words = Tags(drawing).text
    for text in ("<script>alert(1)</script>", "$x^2$ and $\\frac{$", "日本語 🎉 emoji"):
        assert text in words
    assert "fill: #0072b2" in words or "style=" in words
    assert "<script" not in drawing


def test_data_of_the_slider_matches_the_path_and_the_drawing():
    result = image_result()
    page = page_of(result)
    match = re.search(r'id="path-data">(.*?)</script>', page)
    assert match is not None
    data = json.loads(match.group(1))
    assert len(data["rows"]) == len(data["x"]) == len(result.strengths)
    assert data["start"] == result.best.index
    assert np.all(np.diff(data["x"]) > 0)
    figure = page[page.index('id="figure-score"') :]
    colour = "var(--c-best)"
    spot = re.search(r'<use [^>]*x="([\d.]+)"[^>]*style="fill: ' + re.escape(colour), figure)
    assert spot is not None
    assert float(spot.group(1)) == pytest.approx(data["x"][result.best.index], abs=0.02)


def test_page_is_complete_without_scripts(written):
    page = (written / "report.html").read_text("utf-8")
    assert '<div class="explorer" hidden>' in page
    for strength in ("1e-6", "0.01"):
        assert f'<th scope="row">{strength}</th>' in page


def test_every_colour_of_a_drawing_follows_the_scheme(written):
    page = (written / "report.html").read_text("utf-8")
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    left = {c for d in drawings for c in re.findall(r"(?:fill|stroke): (#[0-9a-f]{3,6})", d)}
    assert left == set()
    lights = [colour.light for colour in PALETTE.values()]
    assert len(lights) == len(set(lights))


@pytest.mark.parametrize(
    "missing",
    [
        {"curves": ()},
        {"weights": {}},
        {"layers": ()},
        {"inputs_kept": None},
        {"assignment": (), "code": "", "split_description": "", "summary": {}},
        {"image_shape": None},
    ],
    ids=lambda missing: next(iter(missing)),
)
def test_a_missing_piece_does_not_break_the_page(missing):
    page = page_of(replace(image_result(strengths=4), **missing))
    assert page.rstrip().endswith("</html>")


def test_same_result_same_bytes(written, tmp_path):
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        write_report(image_result(), tmp_path)
    names = sorted(p.relative_to(written) for p in written.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    for name in names:
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes(), name


def test_pictures_are_compressed_beside_the_drawing_of_others(tmp_path, monkeypatch):
    places: dict[str, set[bool]] = {".png": set(), ".html": set()}
    main = threading.main_thread()

    def noted(path: Path, content: bytes) -> None:
        places[path.suffix].add(threading.current_thread() is main)
        write_bytes(path, content)

    monkeypatch.setattr("shrinkage.reports.write.write_bytes", noted)
    write_report(image_result(strengths=2), tmp_path)
    assert places == {".png": {False}, ".html": {True}}


def test_a_picture_is_the_file_that_matplotlib_saves():
    figure = score_figure(image_result(strengths=3))
    expected = io.BytesIO()
    draw_figure(figure).savefig(expected, format="png", dpi=PNG_DPI, metadata={"Software": None})
    assert draw_png(figure) == expected.getvalue()


def test_drawing_leaves_settings_alone():
    before = dict(mpl.rcParams)
    draw_svg(score_figure(image_result(strengths=3)))
    assert dict(mpl.rcParams) == before


def test_an_earlier_picture_that_no_longer_belongs_is_removed(tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "coefficients.png").write_bytes(b"old")
    (folder / "mine.png").write_bytes(b"kept")
    write_report(example_result(), tmp_path)
    assert not (folder / "coefficients.png").exists()
    assert (folder / "mine.png").exists()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    place = tmp_path / "report.html"
    place.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ShrinkageError, match="No space"):
        write_bytes(place, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert place.read_text() == "old"


def test_a_directory_that_is_a_file_is_one_line(tmp_path):
    place = tmp_path / "taken"
    place.write_text("")
    with pytest.raises(ShrinkageError, match="cannot write") as caught:
        write_report(image_result(strengths=2), place)
    assert "\n" not in str(caught.value)


def test_sentence_and_table_load_no_drawing_library():
    code = (
        "import sys, shrinkage.reports as r; from shrinkage.reports.example import example_result;"
        "r.text_table(example_result()); r.summary_sentence(example_result());"
        "bad = {'matplotlib', 'jinja2'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_target_classes_and_cautions_are_told_as_text():
    wild = "<script>no</script>"
    result = replace(
        example_result(),
        target=TargetReading(
            wild, "classification", TaskReason.TEXT, 30, 2, classes=(wild, "yes"), counts=(20, 10)
        ),
        classes=ClassFigures((wild, "yes"), np.array([[8, 2], [1, 4]])),
        constant=ConstantScore(0.66, 0.67),
        cautions=(Caution(CautionKind.TARGET_IN_COLUMN, {"column": wild, "agreement": 1.0}),),
    )
    page = render_page(result, ())
    assert wild not in page
    assert page.count("&lt;script&gt;no&lt;/script&gt;") >= 4
    for text in ("Class by class", "without inputs", "alone gives the target", "80 %"):
        assert text in " ".join(page.replace("\u00a0", " ").replace("\u202f", " ").split())


def test_the_note_of_differences_has_their_own_threshold_and_no_log_loss_where_none_is():
    pair = Difference("best", "unregularized", 0.006, 0.004, told_by=4.3027)
    for own, about in ((pair, False), (replace(pair, log_loss=-0.1), True)):
        page = page_of(replace(regression_result(), differences=(own,)))
        assert "less than 4.3 of them" in page
        assert ("by how much its log loss differs" in page) == about
