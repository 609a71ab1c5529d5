import openai
from stage import SCRIPTED, behaviour, raised, strict_client


@behaviour("lists the models, and retrieves one whose id has a slash and a colon")
def models():
    listed = strict_client().models.list()
    assert sorted(model.id for model in listed) == sorted(["tiny", "tiny-embedding", "tiny-rerank", SCRIPTED])
    assert strict_client().models.retrieve(SCRIPTED).id == SCRIPTED


@behaviour("is told that a model is not there")
def no_model():
    error = raised(openai.NotFoundError, lambda: strict_client().models.retrieve("org/nope:Q4"))
    assert (error.status_code, error.code, error.param) == (404, "model_not_found", "model")
