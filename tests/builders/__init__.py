"""What tests of several rooms need: problems with a known optimum, and torch networks."""
