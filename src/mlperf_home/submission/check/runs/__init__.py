"""Rules about LoadGen runs."""
