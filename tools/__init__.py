"""What a machine without Pulumi or PostgreSQL needs, and the commands behind `make`."""
