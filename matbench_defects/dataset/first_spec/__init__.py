"""The spec that `init` writes for a user's own crystal."""
