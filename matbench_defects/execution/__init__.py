"""Running one function over many items, on this machine or on a cluster."""
