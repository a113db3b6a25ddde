"""PostgreSQL 15 or newer through asyncpg, and an embedded one that needs no installation."""
