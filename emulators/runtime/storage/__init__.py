"""A local Cloud Storage: the JSON API that the official client speaks, and signed XML paths.

Objects are files under opaque names, their metadata rows in SQLite; an object exists once its row
is committed. An acknowledged write survives the death of the process, not a power cut (no fsync
for each object).

Not modelled, because nothing here relies on it: object versioning (an overwritten generation is
gone, also where the program asks for versions), lifecycle rules, soft delete, retention policies,
ACLs, customer-supplied keys, requester pays, decompressing gzip on the way out, XML multipart and
form uploads, XML bucket listings, the gRPC API.
"""
