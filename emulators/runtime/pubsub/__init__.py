"""Pub/Sub: identities, durable backlogs, and the deliveries that Google's emulator lacks."""
