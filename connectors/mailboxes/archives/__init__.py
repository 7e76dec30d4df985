"""ZIP and TAR files of mail, read without being trusted."""
