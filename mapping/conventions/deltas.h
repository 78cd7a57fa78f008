/*
 * Conventions that send a span's input as what changed since another span's: which attributes
 * say so. mapping/settle/deltas.c puts the inputs together again by these rows and knows none
 * by name. A convention more is a row here and its case in
 * tests/unit/mapping/settle/test_deltas.c; the rows stand in docs/mapping.md
 * (tools/make-mapping-docs.py).
 *
 * X(scope, base, dropped, list, instructions, input...)
 *   scope         name of the instrumentation scope that sends them
 *   base          attribute with the span id of the input that this one goes on from
 *   dropped       attribute with how many of the last entries of that one are gone
 *   list          member of an input that is an object: where its entries are
 *   instructions  attribute that a span has of its base when it has none of its own
 *   input         attributes with the input, the first that is there; at most
 *                 NV_DELTA_INPUTS of them
 */
#ifndef NV_MAPPING_CONVENTIONS_DELTAS_H
#define NV_MAPPING_CONVENTIONS_DELTAS_H

#define NV_DELTA_INPUTS 3u

/* LiveKit Agents with RecordingOptions.input_delta (livekit-agents 1.8): of a llm_node the
 * entries of lk.pii.chat_ctx, of a llm_request those of gen_ai.input.messages. */
#define NV_DELTA_FORMS(X)                                                                      \
    X("livekit-agents", "lk.input.base_span_id", "lk.input.dropped_from_base", "items",        \
      "gen_ai.system_instructions", "lk.pii.chat_ctx", "lk.chat_ctx", "gen_ai.input.messages")

#endif
