"""Teacher-student perceptron: its simulation and its theory."""
