"""Search for the best: what to label next, and screening of everything that has no label."""
