"""`shrinkage` and `python -m shrinkage` are the command line, or one line on what it lacks."""

from __future__ import annotations

import sys

from shrinkage.extras import MissingExtra

BAD_INPUT = 2


def main() -> None:
    """Run the command line and end the process."""
    try:
        from shrinkage.cli.main import run
    except MissingExtra as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    run()


if __name__ == "__main__":
    main()
