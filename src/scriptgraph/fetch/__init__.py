"""Bring files here: from the network or a disk, checked, resumed, unpacked."""
