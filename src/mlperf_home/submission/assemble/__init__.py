"""Assembly of a submission's tree from a folder of results."""
