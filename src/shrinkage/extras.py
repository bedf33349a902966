"""What is installed: a door that needs an extra names it in one line, before anything is loaded.

Who uses this: every package and function that needs more than NumPy. `EXTRAS` says once which
modules an extra of pyproject.toml brings; a test compares the two.
"""

from __future__ import annotations

import importlib.util
from types import TracebackType

from shrinkage.errors import ShrinkageError

EXTRAS: dict[str, tuple[str, ...]] = {
    "torch": ("torch",),
    "paths": ("torch", "sklearn", "pandas", "pyarrow", "safetensors"),
    "excel": ("openpyxl",),
    "reports": ("matplotlib", "jinja2"),
    "cli": ("typer", "rich"),
    "lightning": ("torch", "lightning"),
    "transformers": ("torch", "transformers", "accelerate", "safetensors"),
    "keras": ("keras",),
    "jax": ("jax", "optax"),
    "skorch": ("torch", "skorch"),
    "tensorboard": ("torch", "tensorboard"),
    "mlflow": ("mlflow",),
    "ray": ("ray",),
    "slurm": ("submitit",),
    "search": ("optuna",),
    "onnx": ("torch", "onnx", "onnxscript", "onnxruntime"),
}
"""The modules that each extra brings."""

DISTRIBUTIONS = {"sklearn": "scikit-learn", "mlflow": "mlflow-skinny"}
"""What a module is called in a package index, where that is another name."""


class MissingExtra(ModuleNotFoundError, ShrinkageError):
    """A package is not installed; the message is one line that names the extra."""


def missing(extra: str, *modules: str) -> MissingExtra | None:
    """Return the error for what is not installed of an extra, None where all of it is.

    Args:
        extra: a key of `EXTRAS`.
        modules: those that are needed; all of the extra's when none is named.

    >>> missing("paths", "json") is None
    True
    >>> print(missing("paths", "json", "no_such_module"))
    expected no_such_module, which is not installed: run pip install "shrinkage[paths]"
    """
    absent = [name for name in modules or EXTRAS[extra] if not is_installed(name)]
    return _error(absent, f'"shrinkage[{extra}]"') if absent else None


def require(extra: str, *modules: str) -> None:
    """Raise unless what is needed of an extra is installed; nothing is imported.

    Raises:
        MissingExtra: something is not installed.
    """
    error = missing(extra, *modules)
    if error is not None:
        raise error


def is_installed(module: str) -> bool:
    """Return whether a module could be imported; a folder of that name is none.

    >>> is_installed("json"), is_installed("no_such_module")
    (True, False)
    """
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # hidden by a hook, or a module without a specification
        return False
    return spec is not None and spec.loader is not None and spec.origin is not None


class needs:  # noqa: N801 - read as a word: `with needs("torch"): …`
    """The imports below need an extra: `with needs("reports"): import matplotlib`.

    Args:
        extra: a key of `EXTRAS`.
        modules: those that are needed; all of the extra's when none is named.
        hint: what to do where a module beside those is missing.

    Raises:
        MissingExtra: something is not installed.
    """

    def __init__(self, extra: str, *modules: str, hint: str = "") -> None:
        self._extra, self._modules, self._hint = extra, modules, hint

    def __enter__(self) -> None:
        require(self._extra, *self._modules)

    def __exit__(
        self, kind: object, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, MissingExtra) or not isinstance(error, ModuleNotFoundError):
            return
        if error.name is not None:
            package = error.name.partition(".")[0]
            if package != "shrinkage" and not is_installed(package):
                raise _error([package], package, self._hint) from None


def _error(absent: list[str], install: str, hint: str = "") -> MissingExtra:
    names = [DISTRIBUTIONS.get(name, name) for name in absent]
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    verb = "is" if len(names) == 1 else "are"
    text = f"expected {listed}, which {verb} not installed: run pip install {install}"
    return MissingExtra(f"{text}{f' ({hint})' if hint else ''}", name=absent[0])
