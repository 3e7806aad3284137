"""Reviews of pull requests: a session reads one commit, and what it finds is written at the pull request."""
