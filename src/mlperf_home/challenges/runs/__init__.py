"""Running a challenge."""
