"""Computations on arrays: numbers in, numbers out; nothing of the trial."""
