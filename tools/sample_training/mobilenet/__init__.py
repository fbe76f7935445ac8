"""Training of the sample's MobileNets: `python -m sample_training.mobilenet --out DIR`."""
