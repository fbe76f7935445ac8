"""The store of a board: bundles and lines that are only added to, and an index that can be made again from them."""
