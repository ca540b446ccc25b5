"""How goods reach people: delivery options, shipments and their tracking, nearest stores."""
