"""Payment providers over HTTP: orders are paid, payments looked up, closed and paid back."""
