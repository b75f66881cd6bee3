"""What the keys room refuses."""

from tidegate.kernel.errors import CorruptError, InvalidError


class PassphraseWrongError(InvalidError):
    """The passphrase does not open the key file."""


class KeyFileCorruptError(CorruptError):
    """The key file is not one of ours, or was changed."""
