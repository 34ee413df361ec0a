"""Other people's formats: structures out, results and published tables in."""
