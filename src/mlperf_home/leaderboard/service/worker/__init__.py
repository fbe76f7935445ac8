"""The workers of a service: each verifies uploads in processes with limits, takes them, judges, and publishes."""
