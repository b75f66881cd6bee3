"""The work room: background tasks, durable, in order where order matters, parked with a reason."""
