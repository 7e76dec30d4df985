"""The line on which journals arrive: SMTP and LMTP by aiosmtpd."""
