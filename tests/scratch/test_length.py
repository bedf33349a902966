"""The network from scratch can be read in one sitting: its length is part of what it promises."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import shrinkage.scratch

FOLDER = Path(shrinkage.scratch.__file__).parent
NETWORK = ("layers", "activations", "losses", "initialisation", "network", "optimizers")
NETWORK += ("dropout", "batch_norm")
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
NO_CODE |= {tokenize.ENDMARKER}
TRAINING = ("regularization", "trainer", "fit")


def lines_of_code(source: str) -> int:
    """Count the lines that hold code: no blank lines, comments or docstrings."""
    documentation = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(code - documentation)


def total(names: tuple[str, ...]) -> int:
    return sum(lines_of_code((FOLDER / f"{name}.py").read_text("utf-8")) for name in names)


def test_docstrings_comments_and_blank_lines_do_not_count():
    assert lines_of_code('"""Words."""\n\n# more\nx = [\n    1,\n]\n') == 3


def test_the_network_is_about_300_lines_and_its_training_200():
    assert total(NETWORK) < 300
    assert total(TRAINING) < 200
