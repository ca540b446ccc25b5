"""How well the bot understands, as one HTML page: `python -m bot.report`."""
