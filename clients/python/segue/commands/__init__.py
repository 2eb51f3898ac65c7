"""The subcommands of `segue`, one module a topic; nothing heavy is imported before it is used."""
