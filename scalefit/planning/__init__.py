"""Planning: what to run next, from the draws of a fit."""
