"""`python -m mcp_arangodb_async`, the same as the command `mcp-arangodb-async`."""

import sys

from mcp_arangodb_async.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
