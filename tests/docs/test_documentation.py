"""The documentation is true: its code runs, its commands exist, its tables name what there is."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import shutil
import sys
import tomllib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.selecting import in_pairs

ROOT = Path(__file__).parents[2]
PAGES = (*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md")
NOT_RUN, PRINTS, INCLUDE = "<!-- not run -->", "<!-- prints -->", '--8<-- "'
EXTRAS = re.compile(r"(?:shrinkage|\.)(?:\[([\w,]+)\])?")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROJECT_EXTRAS = PROJECT["optional-dependencies"]
SHELLS = {"sh", "console", "bash"}


@dataclass(frozen=True)
class Block:
    """A fenced block: the line it starts on, its language, its text, the mark in front of it."""

    line: int
    language: str
    text: str
    mark: str


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start, last = None, ""
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            last = line if start is None and line.strip() else last
        elif start is None:
            start = number
        else:
            language = lines[start].removeprefix("```").strip()
            yield Block(start + 1, language, "\n".join(lines[start + 1 : number]) + "\n", last)
            start, last = None, ""
    assert start is None, f"{page.name}: the block at line {start} is never closed"


def source_of(block: Block) -> str:
    """Return a block's code, files that it includes in their place."""
    included = [
        (ROOT / line.removeprefix(INCLUDE).rstrip('"')).read_text(encoding="utf-8")
        if line.startswith(INCLUDE)
        else line + "\n"
        for line in block.text.splitlines()
    ]
    return "".join(included)


def name_of(page: Path) -> str:
    """Return a page's name for the list of tests."""
    return page.relative_to(ROOT).as_posix()


WITH_CODE = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]


def original_of(page: Path) -> Path | None:
    """Return the English page that a page translates, None where it is none."""
    stem, _, language = page.stem.rpartition(".")
    return page.with_name(f"{stem}.md") if language in ("ja", "zh") else None


class Wordless(ast.NodeTransformer):
    """Takes the words out of a program: what is left is what it does."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """Blank a text."""
        return ast.Constant("") if isinstance(node.value, str) else node


def programs(page: Path) -> list[str]:
    """Return what the Python blocks of a page do, without their words."""
    sources = [source_of(block) for block in blocks(page) if block.language == "python"]
    return [ast.dump(Wordless().visit(ast.parse(source))) for source in sources]


@pytest.mark.parametrize("page", [page for page in WITH_CODE if original_of(page)], ids=name_of)
def test_the_code_of_a_translation_does_what_the_original_does(page: Path) -> None:
    original = original_of(page)
    assert original is not None
    assert programs(page) == programs(original)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a short run of the demonstration."""
    from shrinkage import L1
    from shrinkage.datasets import load_dataset
    from shrinkage.paths import PathOptions, fit_dataset

    folder = tmp_path_factory.mktemp("runs") / "demo"
    options = PathOptions(strengths=(1e-4, 1e-3), folds=2, epochs=10)
    fit_dataset("mlp:64,32", load_dataset("digits"), penalty=L1(), options=options, store=folder)
    return folder


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Default lengths of training that are enough to run, not to learn."""
    from shrinkage.paths.engines import recipe

    monkeypatch.setattr(recipe, "TARGET_STEPS", 30)
    monkeypatch.setattr(recipe, "LEAST_EPOCHS", 1)


@pytest.fixture(autouse=True)
def metrics_as_before() -> Iterator[None]:
    """A page registers the metric of an optimizer of its own."""
    from shrinkage.pytorch import METRICS

    kept = dict(METRICS)
    yield
    METRICS.clear()
    METRICS.update(kept)


# Lightning 2.6 asks with isinstance what torch 2.13 asks with a method.
@pytest.mark.filterwarnings(r"ignore:.isinstance\(treespec, LeafSpec\).:FutureWarning")
@pytest.mark.filterwarnings("ignore:The 'train_dataloader' does not have many workers")
@pytest.mark.usefixtures("short_training")
@pytest.mark.parametrize("page", in_pairs(WITH_CODE, lambda p: not original_of(p)), ids=name_of)
def test_the_code_of_a_page_runs_and_prints_what_it_says(
    page: Path,
    demo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(demo, tmp_path / "runs" / "demo")
    module = types.ModuleType("documentation_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    printed = ""
    for block in blocks(page):
        if block.language == "python" and block.mark != NOT_RUN:
            where = f"{name_of(page)}, block at line {block.line}"
            capsys.readouterr()
            exec(compile(source_of(block), where, "exec"), module.__dict__)
            printed = capsys.readouterr().out
        elif block.mark == PRINTS:
            assert printed.split() == block.text.split(), f"{name_of(page)}, line {block.line}"


def test_every_python_block_is_code_and_few_are_not_run() -> None:
    found = [block for page in PAGES for block in blocks(page) if block.language == "python"]
    for block in found:
        compile(source_of(block), "block", "exec")
    assert len(found) > 20
    # one needs torchrun: what it shows is run in tests/pytorch/sharding; those that are a script of
    # examples/ are run in tests/examples
    not_run = [block.text for block in found if block.mark == NOT_RUN]
    scripts = [text for text in not_run if text.startswith(f"{INCLUDE}examples/")]
    others = [text for text in not_run if text not in scripts]
    assert [text for text in others if "dist.init_process_group" not in text] == []
    assert all(text.count("\n") == 1 for text in scripts)


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of every command line of a page."""
    for block in blocks(page):
        if block.language in SHELLS:
            for line in block.text.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                while "|" in words:  # what a pipe feeds is the command
                    words = words[words.index("|") + 1 :]
                if words:
                    yield words


def test_every_command_and_option_exists() -> None:
    from typer.main import get_command

    from shrinkage.cli.main import app

    known = {
        name: {word for p in command.params for word in (*p.opts, *p.secondary_opts)}
        for name, command in get_command(app).commands.items()  # type: ignore[attr-defined]
    }
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    seen = 0
    for page in PAGES:
        for program, name, *rest in commands(page):
            if program == "pip":
                assert name == "install", name_of(page)
                extras = [match[1] or "" for word in rest if (match := EXTRAS.fullmatch(word))]
                assert len(extras) == len(rest), f"{name_of(page)}: pip install {rest}"
                assert set(",".join(extras).split(",")) - {""} <= set(PROJECT_EXTRAS)
                continue
            assert program in ("make", "shrinkage", ".venv/bin/shrinkage"), name_of(page)
            if program == "make":
                assert name in targets, f"{name_of(page)}: make {name}"
                continue
            options = {word.partition("=")[0] for word in rest if word[:1] == "-" != word}
            assert options <= known[name], f"{name_of(page)}: {options - known[name]}"
            seen += 1
    assert seen > 8


def test_the_table_of_penalties_says_what_the_registry_says() -> None:
    from shrinkage.penalties import REGISTRY, options_of

    text = (ROOT / "docs" / "concepts" / "penalties.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    registered = []
    for name, penalty in REGISTRY.items():
        options = ", ".join(f"`{option.flag}` ({option.default})" for option in options_of(penalty))
        formula = penalty.formula.replace("|", "\\|")
        registered.append(f"| `{name}` | {formula} | {penalty.summary} | {options} |")
    assert len(rows) >= 4
    for row in rows:
        assert re.sub(r" +\|", " |", row) in [re.sub(r" +\|", " |", line) for line in registered]


def test_the_table_of_rules_is_the_registry() -> None:
    from shrinkage.audits import RULES

    text = (ROOT / "docs" / "reference" / "audits.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    registered = [
        f"| `{rule.id}` | {rule.severity} | {rule.meaning} | {rule.cost} |"
        for rule in RULES.values()
    ]
    assert rows[: len(RULES)] == registered


def test_every_key_of_a_report_is_documented() -> None:
    from shrinkage.audits.schema import REPORT_SCHEMA

    text = (ROOT / "docs" / "reference" / "audits.md").read_text(encoding="utf-8")
    kinds = REPORT_SCHEMA["properties"]
    keys = {*kinds, *kinds["step"]["anyOf"][0]["properties"]}
    keys |= {key for name in ("findings", "parameters") for key in kinds[name]["items"]["required"]}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


def test_every_file_and_key_of_a_run_is_documented(demo: Path) -> None:
    text = (ROOT / "docs" / "how-to" / "run-directory.md").read_text(encoding="utf-8")
    summary, model, history, run = (
        json.loads((demo / name).read_text(encoding="utf-8"))
        for name in ("summary.json", "model.json", "history.json", "state/run.json")
    )
    keys = {*summary, *summary["best"], *model, *history, *run, *model["target"]}
    keys |= {*model["preprocessing"], *history["layers"][0], *history["curves"][0]}
    keys |= {*history["assignment"][0], *model["preprocessing"]["encoders"][0]}
    keys |= set((demo / "path.csv").read_text(encoding="utf-8").splitlines()[0].split(","))
    missing = sorted(key for key in keys if f"`{key}`" not in text)
    assert not missing
    files = {path.relative_to(demo).as_posix() for path in demo.rglob("*") if path.is_file()}
    patterns = (
        r"figures/.*\.png",
        r"state/fold-\d+-group-\d+-part-\d+-of-\d+\.safetensors",
        r"state/parts-of-group-\d+\.json",
    )
    plain = {name for name in files if not any(re.fullmatch(p, name) for p in patterns)}
    assert not [name for name in sorted(plain) if f"`{Path(name).name}`" not in text]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{name_of(page)}: {target}"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f" {page.relative_to(ROOT / 'docs').as_posix()}\n" in navigation, page.name


def test_the_readme_is_short_and_its_pictures_small() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 220
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size <= 120_000, picture.name


def test_five_lines_load_a_model() -> None:
    page = ROOT / "README.md"
    (block,) = (block for block in blocks(page) if "model.safetensors" in block.text)
    assert len([line for line in block.text.splitlines() if line.strip()]) == 5
    assert "shrinkage" not in block.text


NAME_IN_CODE = re.compile(r"`(shrinkage(?:\.\w+)+)(?::([\w.]+))?`")


def test_the_architecture_names_what_there_is():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = NAME_IN_CODE.findall(page)
    assert len(names) > 20
    for module, name in names:
        thing: Any = importlib.import_module(module)
        for part in filter(None, name.split(".")):
            thing = getattr(thing, part)


def test_the_picture_of_the_rooms_has_every_room():
    from docs.rooms import WALKS, layers

    drawn = {room for layer in layers() for room in layer}
    paths = (ROOT / "src" / "shrinkage").iterdir()
    rooms = {path.stem for path in paths if path.suffix != ".typed" and path.stem[:2] != "__"}
    assert rooms == drawn
    assert {room for _, walk in WALKS.values() for room in walk} <= drawn
