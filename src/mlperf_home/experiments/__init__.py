"""Experiments: a command run with many values; its measurements shown, replayed and removed."""
