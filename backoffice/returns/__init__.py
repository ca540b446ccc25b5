"""Goods that come back: returns and exchanges."""
