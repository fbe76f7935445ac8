"""The results of this machine: shown, compared with published ones, and removed."""
