"""LoadGen sessions: one process runs one scenario in one mode."""
