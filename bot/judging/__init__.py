"""Judges a trained model by sentences and by conversations. `python -m bot.judging` tells what it found as
JSON lines: how sentences and conversations are labelled, and what the figures mean, it does not know.
"""
