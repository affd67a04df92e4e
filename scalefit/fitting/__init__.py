"""Fitting: from the arguments of `fit` and the curves to the record of their posteriors."""
