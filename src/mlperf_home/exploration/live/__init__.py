"""Studies on real engines: each measurement is a LoadGen run. Runs in the workload's environment."""
