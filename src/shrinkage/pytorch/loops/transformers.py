"""Terms in a Transformers training: one callback of `Trainer`, and a file beside each checkpoint.

Who uses this: people who train with `transformers.Trainer`. The Trainer tells a callback neither
where it saves nor where it resumes from, so both are worked out here and checked. One file, with
the numbers as JSON in the header of the tensors, so that they cannot be of different steps.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from shrinkage.atomic import write_bytes
from shrinkage.errors import InputError
from shrinkage.extras import needs
from shrinkage.pytorch.attachment import Attachment
from shrinkage.pytorch.loops.sessions import Request, Session
from shrinkage.terms import as_terms, checked_update

with needs("transformers"):
    from safetensors import safe_open
    from safetensors.torch import save
    from transformers.trainer_callback import TrainerCallback

FILE = "shrinkage.safetensors"
ADVICE = "with Trainer: TrainingArguments(weight_decay=0)"


class Regularize(TrainerCallback):
    """Attach terms to the optimizer of a Trainer for as long as `train` runs.

    Formula: every step minimizes loss + Σ strength·penalty, as `regularize` does.

    Beside each checkpoint the state of the terms is saved as `shrinkage.safetensors`, and taken
    when training resumes from it; not for trials of a hyperparameter search.

    Args:
        terms: strengths times penalties on selections; names are those of the model.
        update: how terms that name no update enter training: "proximal", "decoupled", "gradient"
            or "loss" (add `callback.attachment.loss()` in `compute_loss`).
        checkpoint: the folder that is given to `train(resume_from_checkpoint=…)`, needed where it
            is not in `output_dir`.
        options: further arguments of `regularize`.

    Raises:
        InputError: terms or update that are none; a training that resumes from a folder that is
            not found.
        UnsupportedOptimizer: when training begins, with DeepSpeed.

    >>> from shrinkage import L1
    >>> callback = Regularize(1e-4 * L1())  # Trainer(…, callbacks=[callback])
    >>> callback.attachment is None  # until training begins
    True

    Source: the hooks of `regularize`; Transformers, TrainerCallback.
    """

    def __init__(
        self,
        terms: Any,
        update: str = "proximal",
        *,
        checkpoint: str | Path | None = None,
        **options: Any,
    ) -> None:
        self.request = Request(as_terms(terms), checked_update(update), options)
        self._checkpoint = checkpoint
        self.session = Session(ADVICE)

    @property
    def attachment(self) -> Attachment | None:
        """The attachment of the present or the last training."""
        return self.session.attachment

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Attach to the optimizer that accelerate has wrapped, with the state of a checkpoint."""
        if state.global_step > 0:
            file = resumed_folder(args, state, self._checkpoint) / FILE
            self.session.load_state_dict(_read_if_there(file))
        self.session.begin(kwargs["optimizer"], kwargs["model"], self.request)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Save the state beside the checkpoint that was just written."""
        folder, terms = _folder(args, state), self.session.state_dict()
        if args.should_save and not args.save_only_model and folder.is_dir():
            write_state(folder / FILE, terms)

    def on_push_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save before a checkpoint is uploaded, which comes before `on_save`."""
        self.on_save(args, state, control)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Detach."""
        self.session.end()


def _folder(args: Any, state: Any) -> Path:
    return Path(args.output_dir) / f"checkpoint-{state.global_step}"


def resumed_folder(args: Any, state: Any, asked: str | Path | None) -> Path:
    """Return the folder whose trainer state a resumed training has loaded.

    Args:
        args: `TrainingArguments`.
        state: `TrainerState` after it was loaded.
        asked: what the user said, or None.

    Raises:
        InputError: none of the places where it may be holds that trainer state.
    """
    places = [asked, args.resume_from_checkpoint, _folder(args, state)]
    for place in places:
        if isinstance(place, str | Path) and _holds(Path(place) / "trainer_state.json", state):
            return Path(place)
    raise InputError(
        f"expected the checkpoint of step {state.global_step} that training resumes from in "
        f"{args.output_dir}, got none that fits: give Regularize(…, checkpoint=PATH) the path "
        "that train(resume_from_checkpoint=PATH) has"
    )


def _holds(file: Path, state: Any) -> bool:
    """Say whether a file holds the step and the logs of a trainer state (as text: NaN is NaN)."""
    if not file.is_file():
        return False
    saved = json.loads(file.read_text(encoding="utf-8"))
    loaded = {"global_step": state.global_step, "log_history": state.log_history}
    return json.dumps({name: saved.get(name) for name in loaded}) == json.dumps(loaded)


def _read_if_there(file: Path) -> dict[str, Any]:
    if file.is_file():
        return read_state(file)
    warnings.warn(
        f"{file.parent.name} was saved without terms (no {FILE}), so momentum and schedules of the "
        "terms begin anew: right where this training is the first with them",
        UserWarning,
        stacklevel=4,
    )
    return {}


def write_state(file: Path, state: Mapping[str, Any]) -> None:
    """Write nested mappings and lists of plain numbers and tensors, in one move.

    Args:
        file: a safetensors file.
        state: what `Attachment.state_dict` returns.

    Raises:
        InputError: a key that is no text, or a value that is nothing of these.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_state(Path(folder) / FILE, {"steps": 3, "low": {"w": torch.ones(2)}})
    ...     read_state(Path(folder) / FILE)
    {'steps': 3, 'low': {'w': tensor([1., 1.])}}
    """
    tensors: dict[str, torch.Tensor] = {}
    plain = _packed(dict(state), tensors)
    write_bytes(file, save(tensors, {"state": json.dumps(plain)}))


def read_state(file: Path) -> dict[str, Any]:
    """Return what `write_state` wrote, the tensors on the CPU.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with safe_open(str(file), framework="pt") as opened:
            return _unpacked(json.loads(opened.metadata()["state"]), opened)
    except Exception as error:
        raise InputError(
            f"expected the state of terms of a checkpoint, got a damaged file ({error}): delete "
            f"{file} to begin that state anew"
        ) from error


def _packed(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Return JSON in which a list says in its first place what it is, its tensors put aside."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone().contiguous()
        return ["tensor", name]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _packed(inner, tensors) for key, inner in value.items()}
    if isinstance(value, list):
        return ["list", *(_packed(inner, tensors) for inner in value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(
        f"expected numbers, text, lists, tensors and mappings of text to those, got {value!r}: "
        "a state that cannot be saved without pickle"
    )


def _unpacked(value: Any, opened: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unpacked(inner, opened) for key, inner in value.items()}
    if not isinstance(value, list):
        return value
    kind, *content = value
    if kind == "tensor":
        return opened.get_tensor(content[0])
    return [_unpacked(inner, opened) for inner in content]
