"""SQL connections: pools of asyncpg, asyncmy and sqlite3, and their errors in our words."""
