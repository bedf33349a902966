"""Run the experiment cross-validation; its code is in shrinkage.examples."""

from shrinkage.cli.main import run

if __name__ == "__main__":
    run("example", "cross-validation")
