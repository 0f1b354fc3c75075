"""Walks plan and decisions through the ports."""
