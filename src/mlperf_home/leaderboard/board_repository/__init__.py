"""A repository that is a board without a server: bundles come by pull requests, and CI publishes the pages."""
