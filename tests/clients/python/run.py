"""Runs all behaviours and prints one line of JSON for each: its name, and what went wrong or null."""

import json
import traceback

import batches  # noqa: F401
import chat  # noqa: F401
import completions  # noqa: F401
import embeddings  # noqa: F401
import errors  # noqa: F401
import files  # noqa: F401
import models  # noqa: F401
import raw_responses  # noqa: F401
import responses  # noqa: F401
from stage import behaviours

for name, function in behaviours:
    failure = None
    try:
        function()
    except Exception:
        failure = traceback.format_exc()
    print(json.dumps({"name": name, "failure": failure}), flush=True)
