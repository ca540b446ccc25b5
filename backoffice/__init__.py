"""The backoffice: every service of the shop behind one FastAPI app."""
