package noveumexporter

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const patience = 20 * time.Second // of waits that end by an event

// backend takes traces as Noveum does, and answers what it is told to.
type backend struct {
	*httptest.Server
	mu       sync.Mutex
	traces   []map[string]any
	requests []*http.Request
	decide   func(traces []map[string]any) (status int, header string) // nil: 200
	arrived  chan struct{}
}

func newBackend(t *testing.T) *backend {
	made := &backend{arrived: make(chan struct{}, 1)}
	made.Server = httptest.NewServer(http.HandlerFunc(made.take))
	t.Cleanup(made.Close)
	return made
}

func (b *backend) take(answer http.ResponseWriter, request *http.Request) {
	var content struct {
		Traces    []map[string]any `json:"traces"`
		Timestamp float64          `json:"timestamp"`
	}
	bytes, err := io.ReadAll(request.Body)
	if err == nil {
		err = json.Unmarshal(bytes, &content)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer notify(b.arrived)
	b.requests = append(b.requests, request)
	if err != nil || content.Timestamp == 0 || int64(len(bytes)) != request.ContentLength {
		answer.WriteHeader(http.StatusTeapot)
		return
	}
	status := http.StatusOK
	if b.decide != nil {
		var header string
		if status, header = b.decide(content.Traces); header != "" {
			answer.Header().Set("Retry-After", header)
		}
	}
	if status == http.StatusOK {
		b.traces = append(b.traces, content.Traces...)
	}
	answer.WriteHeader(status)
}

func (b *backend) decideBy(decide func([]map[string]any) (int, string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.decide = decide
}

// wait until so many traces are there.
func (b *backend) wait(t *testing.T, count int) []map[string]any {
	t.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		traces := append([]map[string]any(nil), b.traces...)
		b.mu.Unlock()
		if len(traces) >= count {
			return traces
		}
		select {
		case <-b.arrived:
		case <-deadline:
			require.Failf(t, "too few traces", "%d of %d", len(traces), count)
		}
	}
}

// testConfig waits short, and keeps spans in a directory of the test's.
func testConfig(t *testing.T, endpoint string) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.Endpoint = endpoint
	cfg.APIKey = configopaque.String("nv-test-key")
	cfg.Project = "collector"
	cfg.Directory = t.TempDir()
	cfg.RetryInitial, cfg.RetryMax = time.Millisecond, 20*time.Millisecond
	cfg.Settings = map[string]any{"assembly.quiet_ms": 50, "assembly.open_ms": 1000,
		"assembly.quiet_logs_ms": 100, "assembly.quiet_distributed_ms": 100}
	require.NoError(t, cfg.Validate())
	return cfg
}

func idOf(n int) (id [16]byte) {
	copy(id[:], fmt.Sprintf("%015d!", n))
	return id
}

// oneTrace has a root and a call below it, and the number in both.
func oneTrace(n int) ptrace.Traces {
	made := ptrace.NewTraces()
	spans := made.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	now := pcommon.NewTimestampFromTime(time.Now())
	for i := byte(1); i <= 2; i++ {
		span := spans.AppendEmpty()
		span.SetTraceID(idOf(n))
		span.SetSpanID([8]byte{i, byte(n), byte(n >> 8), 1})
		span.SetName(fmt.Sprintf("step %d", i))
		span.SetStartTimestamp(now)
		span.SetEndTimestamp(now + 1000)
		span.Attributes().PutInt("number", int64(n))
		if i == 2 {
			span.SetParentSpanID([8]byte{1, byte(n), byte(n >> 8), 1})
			span.Attributes().PutStr("gen_ai.operation.name", "chat")
			span.Attributes().PutStr("gen_ai.request.model", "gpt-4o-mini")
		}
	}
	return made
}

// numbersOf counts each trace's number.
func numbersOf(traces []map[string]any) map[int]int {
	found := map[int]int{}
	for _, trace := range traces {
		span := trace["spans"].([]any)[0].(map[string]any)
		found[int(span["attributes"].(map[string]any)["number"].(float64))]++
	}
	return found
}

func startTraces(t *testing.T, cfg *Config, set exporter.Settings) exporter.Traces {
	made, err := NewFactory().CreateTraces(t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, made.Start(t.Context(), componenttest.NewNopHost()))
	return made
}

func settings() exporter.Settings {
	return exportertest.NewNopSettings(component.MustNewType("noveum"))
}
