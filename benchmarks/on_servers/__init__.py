"""Speed on real servers: S3 with Object Lock, PostgreSQL, Elasticsearch and IMAP, all on the processors that the archive uses."""
