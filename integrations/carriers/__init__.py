"""Carriers over signed HTTP: parcels are booked, stopped and followed; they push what happens to them."""
