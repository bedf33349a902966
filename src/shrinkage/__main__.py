"""`python -m shrinkage` is the command line."""

from __future__ import annotations

if __name__ == "__main__":
    from shrinkage.cli.main import run

    run()
