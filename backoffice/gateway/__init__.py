"""The house's front door."""
