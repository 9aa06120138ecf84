"""One deep model on several machines."""
