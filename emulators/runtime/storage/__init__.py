"""A local Cloud Storage: the JSON API that the official client speaks, and signed XML paths.

Not modelled, because nothing here relies on it: object versioning, lifecycle rules, soft delete,
retention policies, ACLs, customer-supplied keys, requester pays, XML multipart and form uploads.
An acknowledged write survives the death of the process, not a power cut (no fsync per object).
"""
