"""Documents of studies, experiments and pictures."""
