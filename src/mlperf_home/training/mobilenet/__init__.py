"""Training of the sample's MobileNets: `python -m mlperf_home.training.mobilenet --out DIR`."""
