"""Tools without a business word: database, errors, fencing, signing, time, money, places, masking."""
