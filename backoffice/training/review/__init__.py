"""Messages that shoppers wrote and the bot read, for admins to judge: the harmful ones first, alike ones at
once.
"""
