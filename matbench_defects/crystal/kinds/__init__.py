"""Kinds of space, one file each; a file registers its kind itself."""
