-- An agent that asks a model, runs a tool and streams the answer, as one trace, in LuaJIT.
--
--   OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 luajit agent.lua
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path
local noveum = require("noveum_trace")

local function get_order(arguments)
    return noveum.span(noveum.TOOL, function(tool)
        local order = '{"state":"in transit"}'
        noveum.tool(tool, "get_order", "call_1", "function")
        noveum.tool_arguments(tool, arguments, #arguments)
        noveum.tool_result(tool, order, #order)
        return order
    end)
end

noveum.start(nil)
noveum.span(noveum.AGENT, function(agent)
    noveum.agent(agent, nil, "support", nil)
    noveum.session(agent, "conversation-7")
    local arguments = '{"id":7}'
    noveum.span(noveum.LLM, function(call) -- the model asks for a tool
        noveum.llm(call, "openai", "gpt-4o-mini")
        noveum.text(call, noveum.INPUT, "user", "Where is order 7?")
        noveum.message_begin(call, noveum.OUTPUT, "assistant")
        noveum.part_tool_call(call, "call_1", "get_order", arguments, #arguments)
        noveum.message_end(call, "tool_calls")
        noveum.llm_usage(call, 28, 12)
    end)
    get_order(arguments)
    noveum.span(noveum.LLM, function(answer) -- and answers, piece by piece
        local said = {}
        noveum.llm(answer, "openai", "gpt-4o-mini")
        for _, piece in ipairs({ "It is", " in", " transit." }) do
            noveum.chunk(answer, 2)
            said[#said + 1] = piece
        end
        noveum.text(answer, noveum.OUTPUT, "assistant", table.concat(said))
        noveum.llm_response(answer, "chatcmpl-2", "gpt-4o-mini-2024-07-18", "stop")
        noveum.llm_usage(answer, 61, 6)
    end)
end)
noveum.shutdown(2000)
