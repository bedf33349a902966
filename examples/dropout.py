"""Run the experiment dropout; its code is in shrinkage.examples."""

from shrinkage.cli.main import run

if __name__ == "__main__":
    run("example", "dropout")
