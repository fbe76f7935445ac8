"""Studies on real engines: an exploration's points as LoadGen runs. Runs in the workload's environment."""
