"""Which optimizer has terms: at most one attachment each.

Who uses this: `Attachment`, which refuses a second one, and audits, which look for the first.
Nothing here keeps an optimizer or an attachment alive.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

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


def attachment_of(optimizer: Optimizer) -> Attachment | None:
    """Return what is attached to an optimizer, None if nothing is."""
    reference = _ATTACHED.get(optimizer)
    return None if reference is None else reference()
