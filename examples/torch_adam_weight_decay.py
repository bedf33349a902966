"""Run the experiment torch-adam-weight-decay; its code is in shrinkage.examples."""

from shrinkage.cli.main import run

if __name__ == "__main__":
    run("example", "torch-adam-weight-decay")
