"""What the machine tells of itself: operating system, CPU, memory, limits, disks, network, product.

Pure reading of files and of the texts of `lscpu` and `dmidecode`; standard library only. A value that the
machine does not tell is None, and `missing` has the reason under the value's name.
"""
