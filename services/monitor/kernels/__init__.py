"""Numerical kernels of the monitor: pure functions of numpy arrays, NaN is a missing value.

Rows are (sensor, slot) pairs: many sensors at one slot (live) or one sensor at many slots (replay).
A row's result depends on that row alone, so any chunking of rows gives the same numbers.
"""
