"""The process that drives a fleet, in an environment with Dask and AsyncSSH."""
