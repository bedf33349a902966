"""Checks that run in a process of each backend; see `worker.py`."""
