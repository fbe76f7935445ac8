"""The definition of a challenge: manifest, lock, machine, and the folder of a run."""
