"""Run the experiment cross-validation; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("cross-validation")
