"""Answers about policy, products and service that admins edit."""
