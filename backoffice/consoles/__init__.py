"""Pages for the people who work here, under /console."""
