"""What happened, told to whoever listens: the transactional outbox and its relay."""
