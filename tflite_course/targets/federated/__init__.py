"""Federated averaging in NumPy and in Flower."""
