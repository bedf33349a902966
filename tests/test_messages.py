"""One word for what was given: messages say `got`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.processes import ROOT

OTHER_WORDS = re.compile(r"\b(came|received)\b")


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every string in what is raised or warned of."""
    for node in ast.walk(tree):
        warns = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "warn"
        if isinstance(node, ast.Raise) or warns:
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


def test_messages_say_got() -> None:
    seen, wrong = 0, []
    for path in sorted((ROOT / "src").rglob("*.py")):
        for line, text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            seen += 1
            if OTHER_WORDS.search(text):
                wrong.append(f"{path.name}:{line}: {text}")
    assert seen > 500
    assert wrong == []
