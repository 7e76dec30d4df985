"""Mail from items that are no MIME (MSG, PST): a message is generated from their MAPI properties, and says so.

The same item gives the same bytes, on every machine and in every order of run: no clock, no chance, no set order; boundaries are
digests of what they part. A change of what is generated is a new `eml.VERSION`.
"""
