"""What trade must keep to: orders per second beside the database's own limit, routing, killed processes."""
