"""What the bot does: one file per family of errands, each asking the backoffice over HTTP."""
