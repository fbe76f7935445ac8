"""Measured machines that are reached by SSH."""
