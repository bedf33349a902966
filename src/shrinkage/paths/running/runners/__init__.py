"""What runs units: the protocol, the runners, and their registry."""
