"""Modules that are loaded beside other work, before they are needed.

Who uses this: a run, while it trains the last models: what draws takes half a second to load.
"""

from __future__ import annotations

import importlib
import sys
import threading
from contextlib import suppress

TURN = 5e-4  # seconds, after which loading leaves Python's lock to the work beside it
_ONE_AT_A_TIME = threading.Lock()  # or the second would put back the turn of the first


def load_beside(*modules: str) -> threading.Thread:
    """Begin to load modules in a thread, which is returned.

    What cannot be loaded is told where it is needed, which loads it again.

    >>> load_beside("json", "no_such_module").join()
    """
    thread = threading.Thread(target=_load, args=modules, name="loading")
    thread.start()
    return thread


def _load(*modules: str) -> None:
    with _ONE_AT_A_TIME:
        usual = sys.getswitchinterval()
        sys.setswitchinterval(TURN)
        try:
            for name in modules:
                with suppress(Exception):
                    importlib.import_module(name)
        finally:
            sys.setswitchinterval(usual)
