"""Analysis of a fit: its tables, checks, plateaus, and the weights of its models."""
