"""The page behind a signed link, and the CAP feed, over HTTP."""
