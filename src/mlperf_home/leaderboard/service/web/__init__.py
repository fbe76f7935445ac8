"""The web process of a service, in an environment of its own: it receives uploads, shows pages, and starts workers."""
