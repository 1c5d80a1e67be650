"""Who is asking and what they chose: focused database, workflow, stage, usage."""
