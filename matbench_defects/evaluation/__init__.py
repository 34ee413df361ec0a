"""Tasks, metrics, scores, and the harness that runs models on tasks."""
