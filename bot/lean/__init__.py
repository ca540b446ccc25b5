"""Rasa 3.6.21 as the shop runs it: the same commands, less work. `python -m bot.lean run`, `... train`.

Public means come first (components, tracker store, endpoints). What only a replacement in Rasa can give
stands here, one file each, with the reason, the gain and a test in `tests/bot/test_lean.py` that fails when
Rasa changes underneath. Every model and component works in plain `python -m rasa` too.
"""
