"""Inference engines behind one interface; an engine is imported only when it is opened."""
