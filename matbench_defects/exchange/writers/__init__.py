"""Structures and calculator inputs for other programs: one file a format."""
