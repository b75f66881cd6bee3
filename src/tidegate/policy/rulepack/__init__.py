"""Law as data: rule packs, the engine that judges a flow by them, receipts that can be replayed."""
