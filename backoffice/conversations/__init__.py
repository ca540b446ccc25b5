"""Conversations: transcripts, turns of the bot, the hand-over to people, cases filed."""
