"""Runs in a process of its own: a folder, and the folders in it with saved models.

Each model is loaded before and after the import of `shrinkage.keras`. JSON comes out: what Keras
says without it, the regularizer and its loss with it, and how many weights are zero in a model that
was trained with terms, loaded without it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras


def before(folder: Path) -> dict[str, Any]:
    """Return what there is to see without the package."""
    weights = keras.saving.load_model(folder / "regularized.keras").get_weights()[0]
    seen = {"zeros": int((weights == 0).sum()), "size": int(weights.size), "without": ""}
    try:
        keras.saving.load_model(folder / "regularizer.keras")
    except Exception as error:
        seen["without"] = str(error)
    return seen


def after(folder: Path) -> dict[str, Any]:
    """Return what there is to see with the package."""
    model = keras.saving.load_model(folder / "regularizer.keras")
    loss = keras.ops.convert_to_numpy(model.losses[0])
    regularizer = model.get_layer("first").kernel_regularizer
    return {"regularizer": repr(regularizer), "loss": float(loss)}


if __name__ == "__main__":
    folders = [Path(sys.argv[1]) / name for name in sys.argv[2:]]
    answer = {folder.name: before(folder) for folder in folders}
    import shrinkage.keras  # noqa: F401

    print(json.dumps({folder.name: answer[folder.name] | after(folder) for folder in folders}))
