import json
import math

from stage import behaviour, client, strict_client

MODEL = "tiny-embedding"


def embed(**ask):
    # The strict client refuses the base64 that it asked for before it decodes it.
    strict = "encoding_format" in ask
    return (strict_client() if strict else client()).embeddings.create(**{"model": MODEL, "input": "robot", **ask})


def is_unit(vector):
    return len(vector) > 1 and math.isclose(sum(number * number for number in vector), 1, rel_tol=1e-3)


@behaviour("gets numbers where it names no format, although it asks for base64 then")
def numbers():
    raw = client().embeddings.with_raw_response.create(model=MODEL, input="robot")
    assert json.loads(raw.http_request.content)["encoding_format"] == "base64"
    vector = raw.parse().data[0].embedding
    assert isinstance(vector, list) and all(isinstance(number, float) for number in vector)
    assert is_unit(vector), vector
    floats = embed(encoding_format="float").data[0].embedding
    assert all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-7) for a, b in zip(vector, floats, strict=True))


@behaviour("gets the embeddings of several inputs in their order, as those of each alone")
def several():
    answer = embed(input=["robot", "sea", "robot"])
    assert [entry.index for entry in answer.data] == [0, 1, 2]
    robot, sea, again = [entry.embedding for entry in answer.data]
    assert robot == again and robot != sea
    assert embed(input="sea").data[0].embedding == sea
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 3


@behaviour("gets embeddings of token ids")
def token_ids():
    data = embed(input=[[7, 8], [9]]).data
    assert embed(input=[9]).data[0].embedding == data[1].embedding


@behaviour("gets as many dimensions as it asks for, of length 1 again")
def dimensions():
    vector = embed(dimensions=4).data[0].embedding
    assert len(vector) == 4 and is_unit(vector), vector
