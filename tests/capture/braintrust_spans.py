"""Braintrust's span processor over spans by hand, in the attributes its documentation names."""
import json
import os

from scenario import MODEL, PROMPT, about, resource, tell, weather

about("braintrust", "braintrust (spans by hand)", "braintrust", "openai")
os.environ |= {"BRAINTRUST_API_KEY": "fixture", "BRAINTRUST_API_URL": os.environ["CAPTURE_URL"],
               "BRAINTRUST_PARENT": "project_name:fx-project"}
from braintrust.otel import BraintrustSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
import openai  # noqa: E402

provider = TracerProvider(resource=resource("fx-braintrust"))
provider.add_span_processor(BraintrustSpanProcessor())
start = provider.get_tracer("fx").start_as_current_span
SAID = [{"role": "system", "content": "help 帮助"}, {"role": "user", "content": PROMPT}]


def dump(value):
    return json.dumps(value, ensure_ascii=False)


def ask():
    return openai.OpenAI().chat.completions.create(model=MODEL, messages=SAID, temperature=0.25)


with start("request", attributes={"braintrust.span_attributes": dump({"type": "task"}),
                                  "braintrust.input_json": dump({"question": PROMPT}),
                                  "braintrust.tags": ["a", "标签"]}) as root:
    with start("chat", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": MODEL,
                                   "gen_ai.prompt_json": dump(SAID)}) as span:
        answer = ask()
        span.set_attributes({
            "gen_ai.completion_json": dump([answer.choices[0].message.model_dump(
                exclude_none=True)]),
            "gen_ai.usage.prompt_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.completion_tokens": answer.usage.completion_tokens})
    with start("own", attributes={"braintrust.span_attributes": dump({"type": "llm"}),
                                  "braintrust.input_json": dump(SAID)}) as span:
        answer = ask()
        span.set_attributes({
            "braintrust.output_json": dump([choice.model_dump(exclude_none=True)
                                            for choice in answer.choices]),
            "braintrust.metadata": dump({"model": MODEL, "temperature": 0.25, "user_id": "u-1"}),
            "braintrust.metrics": dump({"prompt_tokens": answer.usage.prompt_tokens,
                                        "completion_tokens": answer.usage.completion_tokens,
                                        "tokens": answer.usage.total_tokens,
                                        "prompt_cached_tokens": 3, "time_to_first_token": 0.05})})
    with start("get_weather", attributes={"braintrust.span_attributes": dump({"type": "tool"}),
                                          "braintrust.input_json": dump({"city": "東京"})}) as span:
        span.set_attribute("braintrust.output_json", dump(weather("東京")))
    output = answer.choices[0].message.content
    root.set_attribute("braintrust.output_json", dump({"answer": output}))
tell(output=output)
provider.shutdown()
