"""Workflows as values. Pure: no clock, no I/O, no logging."""
