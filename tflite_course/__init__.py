"""Plumbing for the course "From MNIST to the edge": data, models, measurement, plots and the drawing pad.

What a lesson teaches stands in the lesson. Importing this package imports neither TensorFlow nor LiteRT.
"""

__version__ = "2.0.0.dev0"
