"""Curves and problems that several test files share."""
