"""Run the experiment keras-l2; its code is in shrinkage.examples."""

from shrinkage.cli.main import run

if __name__ == "__main__":
    run("example", "keras-l2")
