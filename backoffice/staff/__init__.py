"""People who work here: roles and sign-in."""
