"""What the behaviours share: the list they are in, the clients they use, and the models there are."""

import json
import os
import time
import urllib.request

from openai import AsyncOpenAI, OpenAI

SCRIPTED = "org/scripted:Q4_K_M"
LIVE_URL = os.environ["LIVE_URL"]
BUSY_URL = os.environ["BUSY_URL"]

# Name and function of each behaviour, in the order in which they run.
behaviours = []


def behaviour(name):
    """Adds a function to the list. Tests find the names in the source: keep them literal."""

    def add(function):
        behaviours.append((name, function))
        return function

    return add


def client(base_url=LIVE_URL, max_retries=0, **options):
    return OpenAI(base_url=f"{base_url}/v1", api_key="unused", max_retries=max_retries, **options)


def async_client():
    return AsyncOpenAI(base_url=f"{LIVE_URL}/v1", api_key="unused", max_retries=0)


def strict_client():
    """Refuses an answer that its types (pydantic) do not describe, where the usual client takes anything."""
    return client(_strict_response_validation=True)


def user(content):
    return [{"role": "user", "content": content}]


TINY_CHAT = {"model": "tiny", "messages": user("Hello"), "temperature": 0, "max_tokens": 12}


def raised(error_class, function):
    try:
        function()
    except error_class as error:
        return error
    raise AssertionError(f"{error_class.__name__} was not raised")


def overload():
    """Fills the busy cluster until it has refused a request."""
    urllib.request.urlopen(os.environ["OVERLOAD_URL"]).read()


def wait_until_idle(seconds=10):
    """Until no slot of the cluster is taken."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{LIVE_URL}/cluster/status") as response:
            nodes = json.load(response)["nodes"]
        if all(node["slots"]["busy"] == 0 for node in nodes):
            return
        time.sleep(0.02)
    raise AssertionError("a slot is still taken")
