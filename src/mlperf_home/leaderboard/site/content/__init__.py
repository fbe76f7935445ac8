"""What the pages say: plain values for the templates, one module for each kind of page."""
