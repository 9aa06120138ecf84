"""Components that pack and register releases."""
