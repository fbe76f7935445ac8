"""Runs in containers: `cm docker script` and `cm podman script`."""
