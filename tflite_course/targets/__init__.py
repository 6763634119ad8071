"""What lessons 10 to 17 run a model on: golden vectors, TFLM, a board, a browser, Core ML, federated clients."""
