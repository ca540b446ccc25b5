"""The ways by which shoppers reach the shop."""
