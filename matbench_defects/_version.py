"""The version of the package, in a file of its own: every room may read it, and none has to import the front door."""

__version__ = "0.1.0"
