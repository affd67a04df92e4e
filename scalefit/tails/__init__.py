"""Tails: whether a sample ends in a power law, where that begins, and its exponent."""
