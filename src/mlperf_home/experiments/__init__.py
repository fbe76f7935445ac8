"""The front of experiments: a command run with many values, what was measured shown, replayed and removed."""
