"""The evaluation of the trend on invented people: two generators, baselines, measures, a report."""
