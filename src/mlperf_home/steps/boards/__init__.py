"""The steps of a leaderboard."""
