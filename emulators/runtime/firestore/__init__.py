"""Firestore: Google's emulator behind one port for each identity, and a journal of every write."""
