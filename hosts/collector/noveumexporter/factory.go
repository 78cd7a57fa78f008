// Package noveumexporter delivers whole traces to Noveum from a Collector: the stages of the
// Noveum OpenTelemetry gateway, as libnoveum has them, behind an exporter.
//
//	ConsumeTraces ─ marshal ─▶ accept ▸ journal ─▶ the caller has its answer
//	                              │
//	        ticker ─ tick ─▶ hold until whole ▸ translate ▸ mask ▸ encode
//	                              │
//	       senders ─ pull ─▶ POST /v1/traces ─▶ settle: the journal lets it go
//
// Traces and logs of one configured exporter share a pipeline, so that log records reach the
// spans that they name.
package noveumexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

var (
	componentType = component.MustNewType("noveum")
	stability     = component.StabilityLevelAlpha
)

// NewFactory is what a Collector's builder calls.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(componentType, createDefaultConfig,
		exporter.WithTraces(createTraces, stability), exporter.WithLogs(createLogs, stability))
}

func options(shared *noveumExporter) []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithStart(shared.start),
		exporterhelper.WithShutdown(shared.shutdown),
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
		// Accepting waits for a disk and nothing else; there is nothing to queue in front of it.
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
	}
}

func createTraces(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	shared := sharedExporter(cfg.(*Config), set)
	return exporterhelper.NewTraces(ctx, set, cfg, shared.consumeTraces, options(shared)...)
}

func createLogs(ctx context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	shared := sharedExporter(cfg.(*Config), set)
	return exporterhelper.NewLogs(ctx, set, cfg, shared.consumeLogs, options(shared)...)
}
