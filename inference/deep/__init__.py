"""The served graphs of a release."""
