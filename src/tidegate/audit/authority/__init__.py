"""The keys of a space's authority: how one follows another, and what each may have signed."""
