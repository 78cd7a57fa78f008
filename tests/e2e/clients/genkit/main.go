// Genkit for Go: a flow that asks a model and lets it call a tool, exported by the provider that Genkit makes. Prints the trace id.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/firebase/genkit/go/ai"
	"github.com/firebase/genkit/go/core/tracing"
	"github.com/firebase/genkit/go/genkit"
	"github.com/firebase/genkit/go/plugins/compat_oai/openai"
	"github.com/openai/openai-go/option"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type order struct {
	OrderID string `json:"order_id"`
}

func main() {
	ctx := context.Background()
	exporter, err := otlptracehttp.New(ctx)
	check(err)
	tracing.TracerProvider().RegisterSpanProcessor(sdktrace.NewBatchSpanProcessor(exporter))

	g := genkit.Init(ctx, genkit.WithPlugins(&openai.OpenAI{
		APIKey: "none", Opts: []option.RequestOption{option.WithBaseURL(os.Getenv("OPENAI_BASE_URL"))}}))
	lookUp := genkit.DefineTool(g, "get_order", "Looks an order up", func(_ *ai.ToolContext, in order) (string, error) {
		return "order " + in.OrderID + " is in transit", nil
	})
	answer := genkit.DefineFlow(g, "answer", func(ctx context.Context, question string) (string, error) {
		fmt.Println(trace.SpanContextFromContext(ctx).TraceID())
		return genkit.GenerateText(ctx, g, ai.WithModelName("openai/gpt-4o-mini"), ai.WithPrompt(question), ai.WithTools(lookUp))
	})
	_, err = answer.Run(ctx, "Where is order 1001?")
	check(err)
	check(tracing.TracerProvider().Shutdown(ctx))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
