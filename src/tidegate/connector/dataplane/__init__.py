"""Data planes: what moves the bytes of a transfer, behind one interface the control plane knows."""
