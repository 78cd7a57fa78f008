package noveumexporter

// #include <noveum/pipeline.h>
import "C"

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Where spans are, as values of the attribute "place" of one metric: they add up to
// what was accepted and replayed.
var places = []struct {
	name string
	of   func(*C.noveum_pipeline_status) C.uint64_t
}{
	{"held", func(s *C.noveum_pipeline_status) C.uint64_t { return s.held }},
	{"ready", func(s *C.noveum_pipeline_status) C.uint64_t { return s.ready }},
	{"sending", func(s *C.noveum_pipeline_status) C.uint64_t { return s.pulled }},
	{"delivered", func(s *C.noveum_pipeline_status) C.uint64_t { return s.delivered }},
	{"refused", func(s *C.noveum_pipeline_status) C.uint64_t { return s.refused }},
	{"sampled", func(s *C.noveum_pipeline_status) C.uint64_t { return s.sampled }},
	{"placeholder", func(s *C.noveum_pipeline_status) C.uint64_t { return s.placeholders }},
	{"untranslated", func(s *C.noveum_pipeline_status) C.uint64_t { return s.untranslated }},
	{"left_out", func(s *C.noveum_pipeline_status) C.uint64_t { return s.left_out }},
}

const prefix = "otelcol_exporter_noveum_"

// numbers of the library and the sender, each a metric of its own.
var numbers = []struct {
	name, unit, about string
	grows             bool
	of                func(*C.noveum_pipeline_status, *sender) int64
}{
	{"accepted_spans", "{span}", "Spans accepted.", true,
		func(s *C.noveum_pipeline_status, _ *sender) int64 { return int64(s.accepted) }},
	{"replayed_spans", "{span}", "Spans that came out of the directory at the start.", true,
		func(s *C.noveum_pipeline_status, _ *sender) int64 { return int64(s.replayed) }},
	{"rejected_spans", "{span}", "Spans left out of requests, for lack of a usable id.", true,
		func(s *C.noveum_pipeline_status, _ *sender) int64 { return int64(s.rejected) }},
	{"open_traces", "{trace}", "Traces that are not whole yet.", false,
		func(s *C.noveum_pipeline_status, _ *sender) int64 { return int64(s.open_traces) }},
	{"held_bytes", "By", "Memory of the spans that are held.", false,
		func(s *C.noveum_pipeline_status, _ *sender) int64 { return int64(s.held_bytes) }},
	{"ready_bytes", "By", "JSON of traces that wait for the backend.", false,
		func(s *C.noveum_pipeline_status, _ *sender) int64 { return int64(s.ready_bytes) }},
	{"requests", "{request}", "Requests made to the backend.", true,
		func(_ *C.noveum_pipeline_status, s *sender) int64 { return s.requests.Load() }},
	{"retries", "{request}", "Requests that were not taken and are made again.", true,
		func(_ *C.noveum_pipeline_status, s *sender) int64 { return s.retries.Load() }},
	{"refused_traces", "{trace}", "Traces that the backend refuses for good.", true,
		func(_ *C.noveum_pipeline_status, s *sender) int64 { return s.refusals.Load() }},
}

// metrics of a running exporter, read when the Collector collects its own.
type metrics struct {
	registration metric.Registration
}

func newMetrics(set component.TelemetrySettings, lib *library, out *sender) (*metrics, error) {
	meter := set.MeterProvider.Meter("noveum.ai/gateway/hosts/collector/noveumexporter")
	spans, err := meter.Int64ObservableGauge(prefix+"spans", metric.WithUnit("{span}"),
		metric.WithDescription("Spans by where they are; what was accepted and replayed is their sum."))
	if err != nil {
		return nil, err
	}
	made := []metric.Int64Observable{}
	observed := []metric.Observable{spans}
	for _, number := range numbers {
		one, err := instrument(meter, number.name, number.unit, number.about, number.grows)
		if err != nil {
			return nil, err
		}
		made = append(made, one)
		observed = append(observed, one)
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		status := lib.status()
		for _, place := range places {
			to.ObserveInt64(spans, int64(place.of(&status)),
				metric.WithAttributes(attribute.String("place", place.name)))
		}
		for i, number := range numbers {
			to.ObserveInt64(made[i], number.of(&status, out))
		}
		return nil
	}, observed...)
	return &metrics{registration}, err
}

func instrument(meter metric.Meter, name, unit, about string, grows bool) (metric.Int64Observable, error) {
	if grows {
		return meter.Int64ObservableCounter(prefix+name, metric.WithUnit(unit), metric.WithDescription(about))
	}
	return meter.Int64ObservableGauge(prefix+name, metric.WithUnit(unit), metric.WithDescription(about))
}

func (m *metrics) close() {
	_ = m.registration.Unregister()
}
