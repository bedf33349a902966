"""Run the experiment keras-l2; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("keras-l2")
