"""Curves ready to fit, made of the points of a trajectory."""
