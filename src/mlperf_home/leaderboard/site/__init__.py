"""The pages of a board: static files that need neither a server nor a network."""
