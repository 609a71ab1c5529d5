import json
import time

import openai
from stage import SCRIPTED, behaviour, client, raised, strict_client, user

CHAT = "/v1/chat/completions"


def chat_line(name, content, **more):
    body = {"model": SCRIPTED, "messages": user(content), **more}
    return {"custom_id": name, "method": "POST", "url": CHAT, "body": body}


def create(lines, endpoint=CHAT, **more):
    text = "\n".join(json.dumps(line) for line in lines)
    file = strict_client().files.create(file=("in.jsonl", text.encode()), purpose="batch")
    return strict_client().batches.create(
        input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more
    )


def until(batch_id, status, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        batch = strict_client().batches.retrieve(batch_id)
        if batch.status == status:
            return batch
        time.sleep(0.05)
    raise AssertionError(f"the batch is {batch.status}")


def results_of(file_id):
    lines = client().files.content(file_id).iter_lines()
    return {result["custom_id"]: result["response"] for result in map(json.loads, filter(None, lines))}


@behaviour("runs a batch from its file to its output, and reads it line by line")
def whole():
    lines = [
        chat_line("hello", "Say hello."),
        chat_line("real", "Hello", model="tiny", max_tokens=4),
        chat_line("hot", "Say hello.", temperature=9),
    ]
    created = create(lines, metadata={"run": "nightly"})
    assert (created.endpoint, created.metadata) == (CHAT, {"run": "nightly"})
    done = until(created.id, "completed")
    counts = done.request_counts
    assert (counts.total, counts.completed, counts.failed) == (3, 2, 1)
    results = results_of(done.output_file_id)
    assert results["hello"]["body"]["choices"][0]["message"]["content"] == "Hello wörld 🦙"
    assert results["real"]["body"]["usage"]["completion_tokens"] == 4
    failure = results_of(done.error_file_id)["hot"]
    assert (failure["status_code"], failure["body"]["error"]["param"]) == (400, "temperature")


@behaviour("runs a batch of embeddings and one of responses")
def other_endpoints():
    asked = {
        "/v1/embeddings": {"model": "tiny-embedding", "input": "robot"},
        "/v1/responses": {"model": SCRIPTED, "input": "Say hello."},
    }
    for url, body in asked.items():
        created = create([{"custom_id": "a", "method": "POST", "url": url, "body": body}], endpoint=url)
        answer = results_of(until(created.id, "completed").output_file_id)["a"]
        assert answer["status_code"] == 200 and answer["body"]["object"] in ("list", "response")


@behaviour("is told which lines of a batch cannot be run")
def bad_lines():
    failed = until(create([chat_line("a", "Hi"), {**chat_line("b", "Hi"), "url": "/v1/nope"}]).id, "failed")
    assert [error.line for error in failed.errors.data] == [2]
    assert failed.output_file_id is None


@behaviour("cancels a batch that runs")
def cancel():
    running = create([chat_line("a", "Talk for ever.")])
    until(running.id, "in_progress")
    assert strict_client().batches.cancel(running.id).status in ("cancelling", "cancelled")
    assert until(running.id, "cancelled").cancelled_at
    error = raised(openai.NotFoundError, lambda: client().batches.cancel("batch_x"))
    assert error.param == "id"


@behaviour("lists batches page by page, and through all pages at once")
def pages():
    ids = [create([chat_line(name, "Hi")]).id for name in "abc"][::-1]
    page = strict_client().batches.list(limit=2)
    assert [batch.id for batch in page.data] == ids[:2]
    assert page.get_next_page().data[0].id == ids[2]
    assert [batch.id for batch in strict_client().batches.list(limit=2)][:3] == ids
    for batch_id in ids:
        until(batch_id, "completed")
