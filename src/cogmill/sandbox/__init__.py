"""Where commands of sessions run: the protocol and its drivers."""
