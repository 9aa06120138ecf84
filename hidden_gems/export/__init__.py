"""From models to a release: ONNX, model repository, parity, the folder itself."""
