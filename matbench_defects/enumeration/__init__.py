"""Exact counts, inequivalent configurations and their canonical names."""
