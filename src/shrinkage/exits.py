"""How the command line ends: the statuses that scripts read, and the end itself.

Who uses this: `shrinkage.__main__` and the commands. It imports nothing but `sys`, since a command
may be stopped before anything else is there.
"""

from __future__ import annotations

import sys
from typing import NoReturn

BAD_INPUT = 2
INTERRUPTED = 130
"""After Ctrl-C."""


NO_MEMORY = (
    "expected more memory than this process may have, got no more: raise the limit (ulimit -v), "
    "end other programs, or take fewer rows, strengths at a time (--memory) or folds"
)

_SIGNS = ("failed to map segment", "cannot allocate memory", "defaultcpuallocator", "start new thr")
"""How the loader of libraries, the system, torch and Python say it."""


def lacks_memory(error: BaseException) -> bool:
    """Return whether an error, or one that it came from, says that memory ran out.

    >>> lacks_memory(MemoryError()), lacks_memory(ImportError("a.so: failed to map segment"))
    (True, True)
    >>> lacks_memory(ImportError("no module a"))
    False
    """
    own: BaseException | None = error
    seen: list[BaseException] = []  # one may have been raised from itself
    while own is not None and own not in seen:
        seen.append(own)
        if isinstance(own, MemoryError) or any(sign in str(own).lower() for sign in _SIGNS):
            return True
        own = own.__cause__ or own.__context__
    return False


def end(status: int) -> NoReturn:
    """End the process with a status.

    Python ends by the signal itself where Ctrl-C came while a text was run as code (a dataclass is
    made so), though the interrupt was answered (3.11); running another text makes it forget that.
    """
    exec("")
    sys.exit(status)
