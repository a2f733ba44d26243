"""Common Alerting Protocol 1.2: each warning as Alert, Update and Cancel, and an Atom feed of them."""

from services.notifier.cap.build import NAMESPACE, cap_alert, cap_document, cap_documents
from services.notifier.cap.feed import Feed, atom_feed, document_name
from services.notifier.cap.identifiers import china_identifier, identifier_of
from services.notifier.cap.model import CHINA, PLAIN, CapDocument, Revision, Sender, Subject, revisions

__all__ = [
    "CHINA",
    "NAMESPACE",
    "PLAIN",
    "CapDocument",
    "Feed",
    "Revision",
    "Sender",
    "Subject",
    "atom_feed",
    "cap_alert",
    "cap_document",
    "cap_documents",
    "china_identifier",
    "document_name",
    "identifier_of",
    "revisions",
]
