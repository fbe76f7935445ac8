"""The step of an estimate."""
