"""Steps that run fleets, collect from them, and stop them."""
