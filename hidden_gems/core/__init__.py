"""Ids, time, errors, home: what every room stands on."""
