"""A repository of bundles with workflows that verify them and publish a board: templates, and what fills them."""
