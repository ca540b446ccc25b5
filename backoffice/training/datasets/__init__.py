"""The training data of the shop with its history: what ships, and what people made of it since."""
