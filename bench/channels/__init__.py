"""Whether anything is lost, doubled, out of order or said after a handover, while everything fails."""
