"""PST and MSG files: native items, and the messages that are generated from them."""
