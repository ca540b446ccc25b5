"""The shop's bot beside a stock Rasa project on the same sentences: `make bench-bot`.

Both answer every intent through one trivial custom action, each in one process. The stock project trains for
half an hour and more, so it is kept in `var/bench/` under the fingerprint of its data.
"""
