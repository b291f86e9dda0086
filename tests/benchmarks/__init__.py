"""The pure parts of the benchmarks: what is said, counted and printed."""
