"""Training of the sample's models: run on a developer's machine, never by a user's job."""
