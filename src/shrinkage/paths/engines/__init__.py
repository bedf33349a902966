"""What trains a unit: linear models solved, networks stacked or one after the other."""
