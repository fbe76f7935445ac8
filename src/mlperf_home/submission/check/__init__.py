"""Our own check of a submission's tree: every rule, every finding, all at once."""
