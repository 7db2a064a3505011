"""The provider of Socle's own resources: what the program asks for and no published provider makes."""
