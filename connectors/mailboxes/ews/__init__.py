"""Mail on an Exchange server, by Exchange Web Services."""
