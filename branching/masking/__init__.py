"""What a copy may hold: an application's rules, read, checked, proposed, and as the SQL that hides."""
