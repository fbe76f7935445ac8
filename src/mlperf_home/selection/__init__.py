"""The choice of an engine with its model, by a trial on this machine."""
