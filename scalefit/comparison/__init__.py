"""Comparison of parameters between runs, groups of runs, regimes and fits."""
