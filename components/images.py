"""Names of the container images; a pipeline's `image` parameter replaces them at run time."""

TRAIN = "hidden-gems/train:0.1.0"
SCALE = "hidden-gems/scale:0.1.0"
