"""Documents of leaderboards: results, judgements, and the events of a board."""
