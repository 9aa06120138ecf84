"""Fault drills: real processes, faults on purpose, and what was promised of them; `python -m tests.drills`."""
