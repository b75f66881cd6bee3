"""Commons: acquire, classify, hold, preserve and destroy what a node keeps."""
