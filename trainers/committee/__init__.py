"""Committee machine: its simulation and its theory."""
