"""Which model answers shoppers: an append-only record of switches, and what each replica of the bot says."""
