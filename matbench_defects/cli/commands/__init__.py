"""One file a group of commands: each parses, calls the front door and shows. A file here is found by itself."""
