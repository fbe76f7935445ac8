"""Taking bundles into a board: verified, with an identity, and each once."""
