"""Checks that run in a process of each backend; see `keras_checks_worker.py`."""
