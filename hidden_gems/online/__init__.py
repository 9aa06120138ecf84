"""What learns from every click: Thompson sampling, incremental matrix factorisation, and the state they share."""
