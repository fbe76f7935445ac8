"""Rules about names, places and files."""
