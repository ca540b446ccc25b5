"""What the shop sells: products, their variants, prices over time, size tables."""
