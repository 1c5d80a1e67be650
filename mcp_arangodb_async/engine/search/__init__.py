"""Search over views: terms to documents, the filters of SEARCH, and scores."""
