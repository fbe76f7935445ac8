"""The facts of the machine: operating system, CPU, memory, limits, disks, network, product.

Read from files and from the output of `lscpu` and `dmidecode`, with the standard library alone. An unknown value is
None, and `missing` holds the reason under the value's name.
"""
