"""Steps of explorations."""
