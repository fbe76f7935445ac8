"""Measured machines that a queue gives out: Slurm, by Submitit."""
