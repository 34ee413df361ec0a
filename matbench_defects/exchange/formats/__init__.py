"""Labels that others have published: one file a format, and what maps their structures to configurations."""
