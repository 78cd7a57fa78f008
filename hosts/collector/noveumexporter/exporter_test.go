package noveumexporter

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestWholeTracesArrive(t *testing.T) {
	noveum := newBackend(t)
	out := startTraces(t, testConfig(t, noveum.URL), settings())
	require.NoError(t, out.ConsumeTraces(t.Context(), oneTrace(1)))
	trace := noveum.wait(t, 1)[0]
	assert.Equal(t, "collector", trace["project"])
	assert.Len(t, trace["spans"], 2)
	first := noveum.requests[0]
	assert.Equal(t, "/v1/traces", first.URL.Path)
	assert.Equal(t, "Bearer nv-test-key", first.Header.Get("Authorization"))
	require.NoError(t, out.Shutdown(t.Context()))
	assert.ErrorIs(t, out.ConsumeTraces(t.Context(), oneTrace(2)), errClosed)
}

// The contract that exportertest.CheckConsumeContract checks. That function sends spans without
// ids and counts before the answer is there; here a trace is assembled first.
func TestConsumeContract(t *testing.T) {
	sometimes := func(chance float64, status int) int {
		if rand.Float64() < chance {
			return status
		}
		return http.StatusOK
	}
	const elements = 40
	for name, decide := range map[string]func() int{
		"always_succeed":             func() int { return http.StatusOK },
		"random_non_permanent_error": func() int { return sometimes(0.5, http.StatusServiceUnavailable) },
		"random_permanent_error":     func() int { return sometimes(0.5, http.StatusBadRequest) },
		"random_error": func() int {
			if status := sometimes(0.33, http.StatusBadGateway); status != http.StatusOK {
				return status
			}
			return sometimes(0.5, http.StatusUnprocessableEntity)
		},
	} {
		t.Run(name, func(t *testing.T) {
			noveum := newBackend(t)
			permanent := map[int]bool{}
			noveum.decide = func(traces []map[string]any) (int, string) {
				status := decide()
				if verdictOf(status) == refused && len(traces) == 1 {
					for number := range numbersOf(traces) {
						permanent[number] = true
					}
				}
				return status, ""
			}
			cfg := testConfig(t, noveum.URL)
			out := startTraces(t, cfg, settings())
			for n := range elements {
				require.NoError(t, out.ConsumeTraces(t.Context(), oneTrace(n)))
			}
			require.NoError(t, out.Shutdown(t.Context()))
			again := startTraces(t, cfg, settings()) // what was not whole comes again
			noveum.wait(t, elements-len(permanent))
			require.NoError(t, again.Shutdown(t.Context()))
			found := numbersOf(noveum.traces)
			for n := range elements {
				if permanent[n] {
					assert.Zero(t, found[n], n)
				} else {
					assert.Equal(t, 1, found[n], n)
				}
			}
			kept, err := os.ReadDir(filepath.Join(cfg.Directory, "refused"))
			require.NoError(t, err)
			assert.Len(t, kept, len(permanent))
		})
	}
}

func TestWhatIsAcceptedIsOnDisk(t *testing.T) {
	noveum := newBackend(t)
	noveum.decideBy(func([]map[string]any) (int, string) { return http.StatusUnauthorized, "" })
	cfg := testConfig(t, noveum.URL)
	cfg.DrainTimeout = 10 * time.Millisecond
	out := startTraces(t, cfg, settings())
	for n := range 20 {
		require.NoError(t, out.ConsumeTraces(t.Context(), oneTrace(n)))
	}
	require.NoError(t, out.Shutdown(t.Context())) // in time, though nothing gets through
	assert.Empty(t, noveum.traces)

	noveum.decideBy(nil)
	again := startTraces(t, cfg, settings())
	assert.Len(t, numbersOf(noveum.wait(t, 20)), 20)
	require.NoError(t, again.Shutdown(t.Context()))
}

func TestShutdownDrainsWhatIsHeldInMemory(t *testing.T) {
	noveum := newBackend(t)
	cfg := testConfig(t, noveum.URL)
	cfg.Directory, cfg.InMemory = "", true
	cfg.Settings = map[string]any{"assembly.quiet_ms": 600000}
	out := startTraces(t, cfg, settings())
	for n := range 50 {
		require.NoError(t, out.ConsumeTraces(t.Context(), oneTrace(n)))
	}
	require.NoError(t, out.Shutdown(t.Context()))
	assert.Len(t, numbersOf(noveum.traces), 50)
}

func TestLogsJoinTheSpansOfTheirTrace(t *testing.T) {
	noveum := newBackend(t)
	cfg := testConfig(t, noveum.URL)
	traces := startTraces(t, cfg, settings())
	logs, err := NewFactory().CreateLogs(t.Context(), settings(), cfg)
	require.NoError(t, err)
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))
	record := plog.NewLogs()
	said := record.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	said.SetTraceID(idOf(3))
	said.SetSpanID([8]byte{2, 3, 0, 1})
	said.SetEventName("gen_ai.user.message")
	said.Attributes().PutStr("event.name", "gen_ai.user.message")
	said.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	said.Body().SetEmptyMap().PutStr("content", "Where is order 7?")
	require.NoError(t, logs.ConsumeLogs(t.Context(), record))
	require.NoError(t, traces.ConsumeTraces(t.Context(), oneTrace(3)))
	spans := noveum.wait(t, 1)[0]["spans"].([]any)
	call := spans[1].(map[string]any)["attributes"].(map[string]any)
	assert.Contains(t, call, "llm.input.messages")
	require.NoError(t, traces.Shutdown(t.Context())) // the pipeline is the other's still
	require.NoError(t, logs.ConsumeLogs(t.Context(), record))
	require.NoError(t, logs.Shutdown(t.Context()))
}

func TestErrorsSayWhetherToSendAgain(t *testing.T) {
	noveum := newBackend(t)
	noveum.decideBy(func([]map[string]any) (int, string) { return http.StatusServiceUnavailable, "" })
	cfg := testConfig(t, noveum.URL)
	cfg.DrainTimeout = 0
	made := sharedExporter(cfg, settings())
	require.NoError(t, made.start(t.Context(), componenttest.NewNopHost()))
	err := made.accept(signalTraces, []byte{0x0a, 0x7f})
	assert.True(t, consumererror.IsPermanent(err), err)
	require.NoError(t, made.accept(signalTraces, nil)) // an empty request is none
	require.NoError(t, made.shutdown(t.Context()))
	assert.False(t, consumererror.IsPermanent(errorOf(-5, "")))
}

// Spans without an id are left out, and the others are not.
func TestSpansWithoutIDsAreCounted(t *testing.T) {
	noveum := newBackend(t)
	telemetry := componenttest.NewTelemetry()
	set := settings()
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	out := startTraces(t, testConfig(t, noveum.URL), set)
	traces := oneTrace(5)
	traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty().SetName("no id")
	require.NoError(t, out.ConsumeTraces(t.Context(), traces))
	noveum.wait(t, 1)
	assert.EqualValues(t, 1, value(t, telemetry, "rejected_spans"))
	assert.EqualValues(t, 2, value(t, telemetry, "accepted_spans"))
	require.NoError(t, out.Shutdown(t.Context()))
}

// value of a counter of the exporter.
func value(t *testing.T, telemetry *componenttest.Telemetry, name string) int64 {
	t.Helper()
	found, err := telemetry.GetMetric(prefix + name)
	require.NoError(t, err)
	return found.Data.(metricdata.Sum[int64]).DataPoints[0].Value
}

func TestTelemetryAddsUp(t *testing.T) {
	noveum := newBackend(t)
	telemetry := componenttest.NewTelemetry()
	set := settings()
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	out := startTraces(t, testConfig(t, noveum.URL), set)
	for n := range 7 {
		require.NoError(t, out.ConsumeTraces(t.Context(), oneTrace(n)))
	}
	noveum.wait(t, 7)
	assert.EventuallyWithT(t, func(t *assert.CollectT) {
		found, err := telemetry.GetMetric(prefix + "spans")
		require.NoError(t, err)
		sum, done := int64(0), int64(0)
		for _, point := range found.Data.(metricdata.Gauge[int64]).DataPoints {
			sum += point.Value
			if place, _ := point.Attributes.Value("place"); place.AsString() == "delivered" {
				done = point.Value
			}
		}
		assert.EqualValues(t, 14, sum)
		assert.EqualValues(t, 14, done)
	}, patience, 10*time.Millisecond)
	sent, err := telemetry.GetMetric("otelcol_exporter_sent_spans") // the helper's own
	require.NoError(t, err)
	assert.EqualValues(t, 14, sent.Data.(metricdata.Sum[int64]).DataPoints[0].Value)
	require.NoError(t, out.Shutdown(t.Context()))
	require.NoError(t, telemetry.Shutdown(t.Context()))
}

func TestManyCallersAtOnce(t *testing.T) {
	noveum := newBackend(t)
	out := startTraces(t, testConfig(t, noveum.URL), settings())
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for n := range 25 {
				assert.NoError(t, out.ConsumeTraces(context.Background(), oneTrace(caller*100+n)))
			}
		})
	}
	callers.Wait()
	found := numbersOf(noveum.wait(t, 200))
	assert.Len(t, found, 200)
	require.NoError(t, out.Shutdown(t.Context()))
}

// What mdatagen generates for a component, here by hand: it is not to be had at this version.
func TestComponentLifecycle(t *testing.T) {
	noveum := newBackend(t)
	create := map[string]func(context.Context, exporter.Settings, *Config) (component.Component, error){
		"traces": func(ctx context.Context, set exporter.Settings, cfg *Config) (component.Component, error) {
			return NewFactory().CreateTraces(ctx, set, cfg)
		},
		"logs": func(ctx context.Context, set exporter.Settings, cfg *Config) (component.Component, error) {
			return NewFactory().CreateLogs(ctx, set, cfg)
		},
	}
	for name, make := range create {
		t.Run(name+"-shutdown", func(t *testing.T) {
			made, err := make(t.Context(), settings(), testConfig(t, noveum.URL))
			require.NoError(t, err)
			require.NoError(t, made.Shutdown(t.Context()))
		})
		t.Run(name+"-lifecycle", func(t *testing.T) {
			cfg := testConfig(t, noveum.URL)
			for range 2 { // what was shut down can be made again
				made, err := make(t.Context(), settings(), cfg)
				require.NoError(t, err)
				require.NoError(t, made.Start(t.Context(), componenttest.NewNopHost()))
				switch one := made.(type) {
				case exporter.Traces:
					assert.NoError(t, one.ConsumeTraces(t.Context(), ptrace.NewTraces()))
					assert.False(t, one.Capabilities().MutatesData)
				case exporter.Logs:
					assert.NoError(t, one.ConsumeLogs(t.Context(), plog.NewLogs()))
				}
				require.NoError(t, made.Shutdown(t.Context()))
			}
		})
	}
}

func TestADirectoryIsOneExporters(t *testing.T) {
	noveum := newBackend(t)
	cfg := testConfig(t, noveum.URL)
	out := startTraces(t, cfg, settings())
	other := *cfg
	second, err := NewFactory().CreateTraces(t.Context(), settings(), &other)
	require.NoError(t, err)
	err = second.Start(t.Context(), componenttest.NewNopHost())
	assert.ErrorContains(t, err, cfg.Directory)
	require.NoError(t, second.Shutdown(t.Context()))
	require.NoError(t, out.Shutdown(t.Context()))
}
