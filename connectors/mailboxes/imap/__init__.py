"""Mail on an IMAP server."""
