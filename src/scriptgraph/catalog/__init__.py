"""The available scripts: repositories, index, registry."""
