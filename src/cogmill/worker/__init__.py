"""The worker of an outpost: keeps one session's files and runs its commands, on a machine of the customer's."""
