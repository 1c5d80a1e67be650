"""Users, what they may do, and how they prove who they are."""

from mcp_arangodb_async.engine.users.accounts import SystemUserDocuments, UserDocuments, Users, open_users
from mcp_arangodb_async.engine.users.records import ROOT, SYSTEM, AccessToken, Grants, Level, User, level_of

__all__ = [
    "ROOT",
    "SYSTEM",
    "AccessToken",
    "Grants",
    "Level",
    "SystemUserDocuments",
    "User",
    "UserDocuments",
    "Users",
    "level_of",
    "open_users",
]
