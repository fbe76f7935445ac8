"""Commands that list, show, remove and audit."""
