"""Rasa's command line, lean; the process that serves keeps what it has loaded out of garbage collection."""

from bot.lean import stand_ins

stand_ins.install()

from rasa.__main__ import main  # noqa: E402

from bot.lean import collecting, merging, patches  # noqa: E402, F401

main()
