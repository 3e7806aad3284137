"""People at the door: signing in and out, passwords, invitations."""
