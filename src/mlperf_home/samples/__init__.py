"""Models that come with the package, so that everything can be tried offline."""
