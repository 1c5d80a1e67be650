"""What the operator wrote, as frozen records; the only reader of files and environment variables."""
