"""Training data as Rasa writes it: what its files say, edited without loss."""
