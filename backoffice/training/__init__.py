"""Training data: what the bot learns from, as a shop edits it."""
