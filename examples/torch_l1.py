"""Run the experiment torch-l1; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("torch-l1")
