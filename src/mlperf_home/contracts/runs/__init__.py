"""Documents of one run under LoadGen."""
