"""Label engines, running many labels with resume, and labels on disk."""
