"""Run the experiment zero-strength; its code is in shrinkage.examples."""

from shrinkage.cli.main import run

if __name__ == "__main__":
    run("example", "zero-strength")
