"""A program that hides one distribution after another, and tries the doors that need it.

It prints JSON: for each distribution and door the error's type, extra and number of lines. Doors
that need an extra say so before they load anything, so that this takes no framework but torch,
which the callbacks of other frameworks stand on.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import io
import json
import re
import sys
from collections.abc import Callable

from shrinkage.extras import EXTRAS

EXTRA = re.compile(r'pip install "shrinkage\[(\w+)\]"')


class Hidden(importlib.abc.MetaPathFinder):
    """Says of some modules that they are not there, as where their distribution is not."""

    names: frozenset[str] = frozenset()

    def find_spec(self, fullname: str, *_: object) -> None:
        """Refuse a hidden module, and leave the others to the finders behind."""
        if fullname.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


HIDDEN = Hidden()


def imports(code: str) -> Callable[[], None]:
    """Return a door in Python: statements."""

    def door() -> None:
        exec(code, {})

    return door


def command(*words: str) -> Callable[[], None]:
    """Return a door of the command line."""

    def door() -> None:
        from shrinkage.__main__ import main

        sys.argv = ["shrinkage", *words]
        errors, out = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(out):
            try:
                main()
            except SystemExit as end:
                if end.code == 2:
                    raise RuntimeError(errors.getvalue().removesuffix("\n")) from None

    return door


WORKBOOK = (
    "import io\nfrom shrinkage.datasets.formats.workbook import _sheets\n_sheets(io.BytesIO())"
)
ONNX = "from shrinkage.pytorch.onnx import export_onnx\nexport_onnx(None, None, 'x')"
RUNNER = "from shrinkage.paths.running.runners.registry import runner_named as r\nr({!r}).at(None)"
SEARCH = "from shrinkage import fit_search\nfit_search('mlp:4', [[1.0]], [1])"
FRAME = "from shrinkage.reports.example import example_result as r\n"
DOORS: dict[str, tuple[str, Callable[[], None]]] = {
    "pytorch": ("torch", imports("import shrinkage.pytorch")),
    "fit_path": ("paths", imports("from shrinkage import fit_path")),
    "paths": ("paths", imports("from shrinkage.paths import PathOptions")),
    "load_result": ("paths", imports("from shrinkage.paths import load_result")),
    "run": ("paths", imports("import shrinkage.run")),
    "compaction": ("paths", imports("import shrinkage.compaction")),
    "load_dataset": ("paths", imports("from shrinkage.datasets import load_dataset")),
    "fit_search": ("search", imports(SEARCH)),
    "workbook": ("excel", imports(WORKBOOK)),
    "onnx": ("onnx", imports(ONNX)),
    "keras": ("keras", imports("import shrinkage.keras")),
    "optax": ("jax", imports("import shrinkage.optax")),
    "draw_png": ("reports", imports("from shrinkage.drawing import draw_png")),
    "slides": ("reports", imports("from shrinkage.reports import render_slides")),
    "page": ("reports", imports(FRAME + "import shrinkage.reports as s\ns.write_page(r(), 'x')")),
    "plot": ("reports", imports(FRAME + "import shrinkage.reports as s\ns.score_plot(r())")),
    "help": ("cli", command("-h")),
    "penalties": ("cli", command("penalties")),
    "convert": ("cli", command("convert", "--list")),
    "path": ("paths", command("path", "digits")),
    "path, cli": ("cli", command("path", "digits")),
    "data": ("paths", command("data", "no.csv")),
    "predict": ("paths", command("predict", "no-run", "no.csv")),
    "report": ("paths", command("report", "no-run")),
    "audit": ("torch", command("audit", "no.py:loop")),
    "ray": ("ray", imports(RUNNER.format("ray"))),
    "slurm": ("slurm", imports(RUNNER.format("slurm"))),
    "tensorboard": ("tensorboard", imports("import shrinkage.ledger as s\ns.TensorBoard('x')")),
    "mlflow": ("mlflow", imports("import shrinkage.ledger as s\ns.MLflow()")),
    "lightning": ("lightning", imports("import shrinkage.pytorch.lightning")),
    "transformers": ("transformers", imports("import shrinkage.pytorch.transformers")),
    "skorch": ("skorch", imports("import shrinkage.pytorch.skorch")),
}
WITH_DOORS = (
    *("__main__", "cli", "compaction", "datasets", "drawing", "keras", "ledger", "optax", "paths"),
    *("pytorch", "reports", "run", "surfaces"),
)
STAND_ON_TORCH = ("lightning", "transformers", "skorch", "onnx")
# What a door needs of its extra, where that is not all of it.
TABLES = ("pandas", "pyarrow", "sklearn")
PARTS = {
    **{"load_dataset": TABLES, "data": TABLES, "draw_png": ("matplotlib",)},
    "compaction": ("torch", "safetensors"),
}


def cases() -> list[tuple[str, str]]:
    """Return each module with each door that needs it, those that load torch last."""
    pairs = [
        (module, door)
        for door, (extra, _) in DOORS.items()
        for module in PARTS.get(door, EXTRAS[extra])
    ]
    return sorted(pairs, key=lambda pair: pair[1] in STAND_ON_TORCH and pair[0] != "torch")


def outcome(module: str, door: str) -> dict[str, object]:
    """Return what a door says where a module is hidden."""
    for name in [*sys.modules]:
        if any(_below(name, f"shrinkage.{room}") for room in WITH_DOORS):
            del sys.modules[name]
    kept = {name: sys.modules.pop(name) for name in [*sys.modules] if _below(name, module)}
    HIDDEN.names = frozenset({module, *(["pytorch_lightning"] if module == "lightning" else [])})
    try:
        DOORS[door][1]()
    except (ImportError, RuntimeError) as error:
        match = EXTRA.search(str(error))
        extra = match[1] if match else None
        return {"type": type(error).__name__, "extra": extra, "lines": str(error).count("\n") + 1}
    finally:
        HIDDEN.names = frozenset()
        sys.modules.update(kept)
    return {"type": None, "extra": None, "lines": 0}


def _below(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


if __name__ == "__main__":
    sys.meta_path.insert(0, HIDDEN)
    print(json.dumps([[module, door, outcome(module, door)] for module, door in cases()]))
