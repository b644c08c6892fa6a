"""Benchmarks: `python -m benchmarks.NAME [--quick]` prints a table for people, then one line of JSON.

Each runs its peers beside us, in the same run on the same server, and gives ratios: absolute figures of a shared
machine are worth little. Not installed with the package.
"""
