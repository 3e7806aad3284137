"""Users, service users and IdP groups as members of enterprise and organizations; roles and who holds them."""
