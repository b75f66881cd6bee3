"""Partners: members, partnerships, training, projects, applications, permits, and the one gate."""
