"""The data sets of data/, each made by its script."""
