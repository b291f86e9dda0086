"""Figures that README and docs/performance.md quote: ratios to something measured in the same run.

Nothing here knows a target, and the product has no mode that only a benchmark uses.
"""
