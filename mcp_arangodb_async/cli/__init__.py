"""Commands for people: parse, call a room, print, exit code."""
