"""The spec: models of the YAML, loading, inheritance, and errors that people can act on."""
