"""What each tenant brings: its servers' sections, their secrets under seal, versions, history."""
