"""The providers' side, for tests and for a shop in development: money moves as told, wrongly too."""
