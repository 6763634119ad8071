"""Slow experiments: each stores its results as JSON, and lessons repeat one row."""
