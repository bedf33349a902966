"""Run the experiment torch-l1; its code is in shrinkage.examples."""

from shrinkage.cli.main import run

if __name__ == "__main__":
    run("example", "torch-l1")
