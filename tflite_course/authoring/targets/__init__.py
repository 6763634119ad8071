"""Measurements of the targets of part 3."""
