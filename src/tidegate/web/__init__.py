"""Web: the pages people use, rendered here, in three languages, with nothing from third parties.

A door: it reads forms and cookies, calls the rooms' services through the house, and renders what
they answer. It decides nothing; whoever may do what is decided in the rooms.
"""
