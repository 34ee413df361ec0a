"""GPAW in a process of its own: it is under the GPL, so nothing of it is imported into this program."""
