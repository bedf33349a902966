"""Run the experiment l1-vs-l2; its code is in shrinkage.examples."""

from shrinkage.cli.main import run

if __name__ == "__main__":
    run("example", "l1-vs-l2")
