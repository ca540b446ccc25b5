"""How the bot gets better: its training data, what it misread, its models and which of them answers."""
