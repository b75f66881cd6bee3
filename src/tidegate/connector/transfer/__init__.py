"""Transfer: how an agreement is used, process by process; a visit is a transfer without rows."""
