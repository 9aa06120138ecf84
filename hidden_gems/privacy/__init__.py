"""Export, erasure and its proof, over every store that may name a person."""
