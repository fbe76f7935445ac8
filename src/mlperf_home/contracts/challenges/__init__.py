"""Documents of challenges, their bundles and replays."""
