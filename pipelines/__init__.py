"""Pipelines: tasks and arrows."""
