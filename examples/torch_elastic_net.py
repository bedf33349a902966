"""Run the experiment torch-elastic-net; its code is in shrinkage.examples."""

from shrinkage.examples import main

if __name__ == "__main__":
    main("torch-elastic-net")
