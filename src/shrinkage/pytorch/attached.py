"""Which optimizer has terms: at most one attachment each.

Who uses this: `Attachment`, which refuses a second one, and audits, which look for the first.
Nothing here keeps an optimizer or an attachment alive.
"""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

from torch.optim import Optimizer

from shrinkage.errors import InputError

if TYPE_CHECKING:
    from shrinkage.pytorch.attachment import Attachment

_ATTACHED: weakref.WeakKeyDictionary[Optimizer, weakref.ref[Attachment]] = (
    weakref.WeakKeyDictionary()
)


def check_free(optimizer: Optimizer) -> None:
    """Refuse an optimizer that has terms already."""
    if optimizer in _ATTACHED:
        raise InputError(
            "expected an optimizer without terms, got one that has some: "
            "call detach() on its attachment first, or give all terms at once"
        )


def note_attached(optimizer: Optimizer, attachment: Attachment) -> None:
    """Remember what is attached."""
    _ATTACHED[optimizer] = weakref.ref(attachment)


def forget_attached(optimizer: Optimizer) -> None:
    """Forget what was attached."""
    _ATTACHED.pop(optimizer, None)


def note_copy(optimizer: Optimizer, memo: dict[int, Any]) -> None:
    """Let the copy of an optimizer that was copied with its attachment say that it has no terms.

    Args:
        optimizer: that of the attachment.
        memo: what `copy.deepcopy` has copied so far.
    """
    twin = memo.get(id(optimizer))
    if twin is not None:
        told: list[bool] = []
        twin.register_step_pre_hook(lambda copied, *_: _warn_once(copied, told))


def _warn_once(copied: Optimizer, told: list[bool]) -> None:
    if told or attachment_of(copied) is not None:
        return
    told.append(True)
    warnings.warn(
        "a copy of an optimizer steps without the terms of the one that was copied: call "
        "regularize with the copy and its model, and load_state_dict on what that returns",
        UserWarning,
        stacklevel=5,
    )


def refuse_pickle(self: Any) -> NoReturn:  # noqa: ARG001 - a `__reduce__`
    """Refuse to pickle an attachment, with or within a model."""
    raise InputError(
        "expected state_dict() of an attachment to be saved, got the attachment, whose hooks "
        "have no pickle: leave it out of what is pickled, and call regularize after loading"
    )


def attachment_of(optimizer: Optimizer) -> Attachment | None:
    """Return what is attached to an optimizer, None if nothing is."""
    reference = _ATTACHED.get(optimizer)
    return None if reference is None else reference()
