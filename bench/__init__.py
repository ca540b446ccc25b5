"""What the shop must keep to, measured on the real three processes: `make bench`."""
