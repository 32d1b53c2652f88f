"""Bytes as text."""

from froude.documents.document_error import DocumentError

_BYTE_ORDER_MARK = "\ufeff"  # with which some editors begin


def utf8(body: bytes | str) -> str:
    """The text of a document. DocumentError for bytes that are not UTF-8."""
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(f"it is not UTF-8: byte {error.start + 1} is 0x{error.object[error.start]:02x}") from None
    return text.removeprefix(_BYTE_ORDER_MARK)
