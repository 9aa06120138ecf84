"""The process that learns from every click."""
