"""From a folder of interactions to a judged release."""
