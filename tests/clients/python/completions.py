from stage import behaviour, client, strict_client

ASK = {"model": "tiny", "prompt": "Once upon", "temperature": 0, "max_tokens": 8}


@behaviour("completes a text that its types describe, whole and as a stream")
def complete():
    whole = strict_client().completions.create(**ASK)
    assert whole.choices[0].finish_reason == "length"
    # Its types have no null for the finish reason, which OpenAI's own streams send.
    chunks = client().completions.create(**ASK, stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text


@behaviour("completes several prompts of token ids, n times each")
def token_ids():
    ask = {**ASK, "prompt": [[300, 301], [302]], "n": 2}
    answer = strict_client().completions.create(**ask)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    single = strict_client().completions.create(**{**ASK, "prompt": [302]})
    assert single.choices[0].text == answer.choices[2].text


@behaviour("gets its prompt back with the log probabilities of every token")
def echo():
    choice = client().completions.create(**ASK, echo=True, logprobs=2).choices[0]
    assert choice.text.startswith("Once upon")
    logprobs = choice.logprobs
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.text_offset) > 8
    assert logprobs.token_logprobs[0] is None
    assert all(logprob <= 0 for logprob in logprobs.token_logprobs[1:])
