"""The two apps with one thing changed each, to find out what it is worth. Nothing here is an example."""
