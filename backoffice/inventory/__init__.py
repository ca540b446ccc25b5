"""Where goods are and how many: locations, stock levels, the movement ledger."""
