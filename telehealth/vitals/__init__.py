"""From a reading to a decision: quality, NEWS2, rule packs, levels, re-measure. All of it pure."""
