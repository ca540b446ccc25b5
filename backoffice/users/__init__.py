"""Shoppers: who they are, how they sign in, addresses, points."""
