"""A finished path with one smaller model: read, used and kept like the run that it came from.

Who uses this: `shrinkage compact`. The preprocessing stays as it is; the model file says which of
its inputs the smaller model reads.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shrinkage.compaction import Compaction, compact
from shrinkage.datasets import TargetEncoding
from shrinkage.datasets.input_shapes import InputShapes
from shrinkage.errors import InputError
from shrinkage.paths.engines.shaped import called_with
from shrinkage.paths.results.directory import write_run, write_summary
from shrinkage.paths.results.files import write_json
from shrinkage.paths.results.fitted import FittedPath, ModelFile

RANDOM_ROWS = 256
"""How many random rows stand in for real ones where none are given."""


def compact_path(
    path: FittedPath,
    which: int | str = "best",
    X: object = None,
    *,
    timed: bool = True,
    stored_as: str | None = None,
) -> tuple[FittedPath, Compaction]:
    """Return a path whose model has no dead inputs and units, and the proof that it answers alike.

    Args:
        path: a finished path.
        which: the model, as in `FittedPath.model`.
        X: raw rows to prove it on, in any form that `predict` takes; None: random ones.
        timed: measure times, before and after.
        stored_as: `float16` or `bfloat16`: the model's weights are rounded to it, and its file has
            half the bytes; None: the model's own precision.

    Returns:
        The path with that model alone, and what `compact` returned; `rounding.changed` is the share
        of the rows that are of another class.

    Raises:
        InputError: the model was not refitted, is smaller already, or has sizes in its code; a
            weight is too large for `stored_as`.
        CollapsedNetwork: it answers the same for every row.

    >>> from sklearn.datasets import load_diabetes
    >>> from shrinkage import fit_path
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = fit_path("linear", X, y, strengths=(10.0, 20.0), folds=3)
    >>> smaller, compaction = compact_path(path, "one_standard_error", X)
    >>> compaction.kept_inputs, smaller.columns_read(1)
    (array([2, 3, 6, 8]), ('x2', 'x3', 'x6', 'x8'))
    >>> one = [own.predict(X, "one_standard_error") for own in (path, smaller)]
    >>> bool(abs(one[0] - one[1]).max() < 1e-3)
    True
    """
    file = path.model_file
    if file is None or file.smaller is not None:
        what = "no model file" if file is None else "a model that is smaller already"
        raise InputError(f"expected a finished path as it was trained, got {what}")
    role = path.role_of(which)
    model = path.model(which)
    rows = _made_rows(file, model) if X is None else torch.from_numpy(path.inputs(X, which))
    inputs = called_with(model, rows)
    found = compact(model, inputs, drop_inputs=True, timed=timed, stored_as=stored_as)
    if any(isinstance(own, torch.fx.GraphModule) for own in found.module.modules()):
        raise InputError(
            f"expected a network whose layers can be made smaller, but {found.notes[-1]}, which a "
            "run directory cannot hold; use shrinkage.compaction.compact in Python"
        )
    kept = None if found.kept_inputs is None else found.kept_inputs.tolist()
    smaller = {"kept_inputs": kept, "attributes": dict(found.attributes)}
    weights = {role: _arrays(found.module)}
    strengths = {role: file.strengths[role]}
    file = replace(file, smaller=smaller, strengths=strengths, stored_as=stored_as)
    own = replace(path, weights=weights, model_file=file)
    if found.rounding is not None:
        changed = _changed(path, own, role, rows)
        found = replace(found, rounding=replace(found.rounding, changed=changed))
    return own, found


def _changed(path: FittedPath, own: FittedPath, role: str, rows: torch.Tensor) -> float | None:
    """Return the share of rows that two paths say another class of; None of numbers."""
    assert own.model_file is not None
    assert own.model_file.smaller is not None
    encoding = TargetEncoding.from_dict(own.model_file.target)
    if encoding.task == "regression":
        return None
    kept = own.model_file.smaller["kept_inputs"]
    read = rows if kept is None else rows[:, kept]
    with torch.no_grad():
        told = [
            encoding.predict(one.model(role, as_outputs=True)(x).numpy().T)
            for one, x in ((path, rows), (own, read))
        ]
    return float(np.mean((told[0] != told[1]).reshape(len(rows), -1).any(1)))


def _made_rows(file: ModelFile, model: nn.Module) -> torch.Tensor:
    """Return rows that a model can be called with, whatever was in the data.

    Raises:
        InputError: it cannot, as where numbers of a table are words to it.
    """
    dtype = torch.float64 if file.dtype == "float64" else torch.float32
    if file.shapes is None:
        generator = torch.Generator().manual_seed(0)
        rows = torch.randn(RANDOM_ROWS, file.n_inputs, generator=generator, dtype=dtype)
    else:
        random = np.random.default_rng(0)
        made = InputShapes.from_dict(file.shapes).made(RANDOM_ROWS, random)
        rows = torch.from_numpy(made).to(dtype)
    try:
        with torch.no_grad():
            model(rows)
    except (IndexError, RuntimeError, ValueError) as error:
        raise InputError(
            f"expected a network that takes any numbers, but on random rows it ends in {error}: "
            "give rows of the data"
        ) from error
    return rows


def write_compacted(path: FittedPath, found: Compaction, folder: Path) -> None:
    """Write a path with a smaller model as a run directory, and its proof as `proof.json`.

    Raises:
        RunDirectoryError: the folder cannot be written.
    """
    write_run(path, folder)
    write_json(folder / "proof.json", proof_record(path, found))
    write_summary(path, folder)


def proof_record(path: FittedPath, found: Compaction) -> dict[str, object]:
    """Return what `proof.json` holds."""
    names = path.input_names
    kept = range(len(names)) if found.kept_inputs is None else found.kept_inputs.tolist()
    return {
        **found.proof.to_dict(),
        "rounding": None if found.rounding is None else found.rounding.to_dict(),
        "layers": [asdict(layer) for layer in found.layers],
        "inputs": [names[place] for place in kept],
        "columns": list(path.columns_read()),
        "notes": list(found.notes),
    }


def _arrays(module: nn.Module) -> dict:
    return {name: own.detach().cpu().numpy() for name, own in module.state_dict().items()}
