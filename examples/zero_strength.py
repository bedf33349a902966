"""Run the experiment zero-strength; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("zero-strength")
