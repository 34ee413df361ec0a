"""What the command line's longer commands do: they bring the rooms together and show what came out."""
