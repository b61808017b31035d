"""The panel Make Sphere: its fields become the text of a command, which is run."""
