"""Tests of the sparsity path."""
