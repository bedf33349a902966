"""How much memory this process holds, and how much it has held at most.

Who uses this: the estimate that is told before a run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

STATM = Path("/proc/self/statm")


def resident_bytes() -> float | None:
    """Return the bytes that the process holds now; None where the system does not tell.

    >>> held, most = resident_bytes(), peak_bytes()
    >>> held is None or most is None or 0 < held <= 1.05 * most
    True
    """
    try:
        pages = int(STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return peak_bytes()
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def peak_bytes() -> float | None:
    """Return the most bytes that the process has held; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most if sys.platform == "darwin" else most * 1024)
