"""LoadGen runs: each has one scenario and one mode, in a process of its own."""
