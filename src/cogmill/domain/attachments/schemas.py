"""What goes out of the attachment operations."""

from cogmill.web.params import Out


class AttachmentOut(Out):
    attachment_id: str
    name: str
    url: str
