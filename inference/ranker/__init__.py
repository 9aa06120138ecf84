"""LambdaMART and the beliefs of the arms."""
