"""Run the experiment l1-vs-l2; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("l1-vs-l2")
