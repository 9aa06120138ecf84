"""From fitted models to files that serve: ONNX, the Triton layout, parity."""
