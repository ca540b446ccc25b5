"""Two replicas of the bot under load while another model goes live and the old one comes back."""
