"""Models of Keras 3 and PyTorch: an environment of their own, and the program that exports them there."""
