"""What docstrings say of arguments is about arguments that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
SECTION = re.compile(r"^Args:\n((?:(?: .*)?\n)+)", re.MULTILINE)
NAME = re.compile(r"^    \**([A-Za-z_]\w*)(?:, (\w+))*:", re.MULTILINE)


def described(docstring: str) -> list[str]:
    """Return the names that the section on arguments begins its entries with."""
    sections = SECTION.findall(docstring + "\n")
    return [name for text in sections for name in NAME.findall(text) for name in name if name]


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names that a function takes."""
    own = function.args
    starred = [one for one in (own.vararg, own.kwarg) if one is not None]
    return {one.arg for one in (*own.posonlyargs, *own.args, *own.kwonlyargs, *starred)}


def taken(node: ast.AST) -> set[str] | None:
    """Return what a function or a class is called with; None where its bases say it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return parameters(node)
    assert isinstance(node, ast.ClassDef)
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name in ("__init__", "__new__"):
            return parameters(inner)
    if any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases):
        return set()  # its fields are attributes, for whoever draws the pages
    fields = {
        inner.target.id
        for inner in node.body
        if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name)
    }
    return None if node.bases else fields


def strays(tree: ast.Module) -> Iterator[str]:
    """Yield what is described but not taken."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own, names = ast.get_docstring(node), taken(node)
            if own is not None and names is not None:
                yield from (f"{node.name}: {name}" for name in described(own) if name not in names)


def test_a_stray_name_is_found() -> None:
    fields = 'class Pair(NamedTuple):\n    """P.\n\n    Args:\n        one: first.\n    """\n'
    function = 'def f(x):\n    """F.\n\n    Args:\n        x: it.\n        y: gone.\n    """\n'
    assert list(strays(ast.parse(fields + function))) == ["Pair: one", "f: y"]


def test_arguments_that_are_described_are_there() -> None:
    found = [
        f"{path.relative_to(SOURCE)}: {stray}"
        for path in sorted(SOURCE.rglob("*.py"))
        for stray in strays(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []
