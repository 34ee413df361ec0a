"""Graph networks, one file each, and what turns rows into their graphs."""
