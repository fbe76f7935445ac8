"""Calibration: a race that chooses batch sizes and streams, or threads, on this machine; see docs/calibration.md."""
