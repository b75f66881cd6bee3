"""De-identification as long work: asked for once, done in the background, told as it goes."""
