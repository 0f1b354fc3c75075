"""Reach a host and run commands there."""
