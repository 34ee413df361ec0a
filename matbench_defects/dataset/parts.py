"""What the parts of a split are called."""

from __future__ import annotations

PARTS = ("train", "validation", "test")
"""In this order."""
