"""What a published table is still good for: its loss, and how far its own findings move."""
