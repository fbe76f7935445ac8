"""Other people's collections: a reader of their manifests, and an adapter that runs their scripts."""
