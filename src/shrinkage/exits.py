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


def end(status: int) -> NoReturn:
    """End the process with a status.

    Python ends by the signal itself where Ctrl-C came while a text was run as code (a dataclass is
    made so), though the interrupt was answered (3.11); running another text makes it forget that.
    """
    exec("")
    sys.exit(status)
