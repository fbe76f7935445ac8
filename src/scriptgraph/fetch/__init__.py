"""Fetch files from the network or a disk: check, resume and unpack them."""
