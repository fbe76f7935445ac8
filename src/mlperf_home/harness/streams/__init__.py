"""Streams that are processes: what Offline makes of a backend that can be forked."""
