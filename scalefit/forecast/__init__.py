"""Forecasts: what a fit says of y, and of exponents, within the data and beyond."""
