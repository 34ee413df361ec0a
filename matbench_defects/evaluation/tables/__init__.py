"""The one table of results, and what writes it: for a terminal, as Markdown or HTML."""
