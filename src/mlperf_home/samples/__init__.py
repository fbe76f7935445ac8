"""Models and datasets in the package, to try everything offline."""
