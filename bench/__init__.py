"""Programs that measure Voltrio; nothing of the product imports them."""
