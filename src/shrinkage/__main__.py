"""`shrinkage` and `python -m shrinkage` are the command line, or one line on what it lacks."""

from __future__ import annotations

import gc
import sys

from shrinkage.exits import BAD_INPUT, INTERRUPTED, NO_MEMORY, end, lacks_memory
from shrinkage.extras import MissingExtra

# Of new objects: a command loads a million that stay, which Python would look through 300 times.
OBJECTS_A_LOOK = 50_000


def main() -> None:
    """Run the command line and end the process."""
    gc.set_threshold(OBJECTS_A_LOOK, 20, 20)
    try:
        _run()
    except (MemoryError, ImportError, OSError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        print(f"error: {NO_MEMORY} ({' '.join(str(error).split())})", file=sys.stderr)
        end(BAD_INPUT)


def _run() -> None:
    try:
        from shrinkage.cli.main import run
    except MissingExtra as error:
        print(f"error: {error}", file=sys.stderr)
        end(BAD_INPUT)
    except KeyboardInterrupt:  # a second goes by until the commands are there
        print("stopped", file=sys.stderr)
        end(INTERRUPTED)
    try:
        run()
    finally:
        gc.freeze()  # a second of looking through all that was loaded before Python ends


if __name__ == "__main__":
    main()
