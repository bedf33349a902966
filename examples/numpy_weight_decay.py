"""Run the experiment numpy-weight-decay; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("numpy-weight-decay")
