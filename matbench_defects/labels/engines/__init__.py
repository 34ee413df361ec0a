"""Label engines, one file each; each registers itself."""
