"""Run the experiment torch-adam-weight-decay; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("torch-adam-weight-decay")
