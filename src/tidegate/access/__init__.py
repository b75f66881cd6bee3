"""Access: the people of this node, their roles, and how each proves who they are."""
