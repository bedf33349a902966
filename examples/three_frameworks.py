"""Run the experiment three-frameworks; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("three-frameworks")
