"""All that speaks to the outside."""
