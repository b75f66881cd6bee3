"""An independent check of a published table: every guarantee counted again from the file alone.

Nothing here knows how the table was made. It shares no code with the engine (an import contract
and a house test see to it), so that one mistake cannot be made twice.
"""
