package noveumexporter

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
)

func TestVerdicts(t *testing.T) {
	for status, meaning := range map[int]verdict{200: delivered, 201: delivered, 202: delivered, 409: delivered,
		204: later, 301: later, 400: refused, 401: later, 403: later, 404: later, 408: later, 413: refused, 422: refused,
		429: later, 500: later, 503: later} {
		assert.Equal(t, meaning, verdictOf(status), status)
	}
	assert.True(t, isOperators(http.StatusUnauthorized) && isOperators(302) && !isOperators(503))
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
	for header, wait := range map[string]time.Duration{"": 0, "7": 7 * time.Second, " 2 ": 2 * time.Second, "-3": 0,
		"1.5": 0, "soon": 0, "999999": longestRetryAfter, now.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0} {
		assert.Equal(t, wait, retryAfter(header, now), header)
	}
}

func bodyOf(pieces ...string) *body {
	made := &body{}
	for _, piece := range pieces {
		made.pieces = append(made.pieces, []byte(piece))
		made.length += int64(len(piece))
	}
	return made
}

func TestBodyIsReadInAnyPortions(t *testing.T) {
	require.NoError(t, iotest.TestReader(bodyOf("{", "", "abc", "de"), []byte("{abcde")))
	all, err := io.ReadAll(iotest.OneByteReader(bodyOf("ab", "c")))
	require.NoError(t, err)
	assert.Equal(t, "abc", string(all))
}

// After release nobody reads what may be gone.
func TestReleasedBodyIsNotRead(t *testing.T) {
	one := bodyOf("abc")
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() { _, _ = io.Copy(io.Discard, one) })
	}
	again := one.again().again() // read once more, as net/http may
	all, err := io.ReadAll(again)
	require.NoError(t, err)
	assert.Equal(t, "abc", string(all))
	third := again.again()
	one.release()
	for _, each := range []*body{one, third} {
		_, err = each.Read(make([]byte, 1))
		assert.ErrorIs(t, err, io.ErrClosedPipe)
	}
	readers.Wait()
	require.NoError(t, one.Close())
}

func TestPausesDoubleUpToTheLongest(t *testing.T) {
	one := gate{initial: time.Second, most: 8 * time.Second}
	longest := time.Duration(0)
	for range 70 { // past where the shift would overflow
		one.until = time.Time{}
		one.failed(0)
		longest = max(longest, time.Until(one.until))
		assert.LessOrEqual(t, time.Until(one.until), 8*time.Second)
		assert.Greater(t, time.Until(one.until), 400*time.Millisecond)
	}
	assert.Greater(t, longest, 4*time.Second)
	one.until = time.Time{}
	one.failed(time.Minute) // the backend asks for more
	assert.Greater(t, time.Until(one.until), 59*time.Second)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	assert.False(t, one.wait(cancelled))
	assert.True(t, one.is(503))
	assert.False(t, one.is(503))
	assert.True(t, one.is(401))
	assert.True(t, one.passed())
	assert.False(t, one.passed())
	assert.True(t, one.wait(context.Background()))
}

// host notes what is reported of the exporter.
type host struct {
	mu     sync.Mutex
	events []*componentstatus.Event
}

func (*host) GetExtensions() map[component.ID]component.Component {
	return nil
}

func (h *host) Report(event *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event)
}

func TestTroubleIsReportedOnceAndItsEnd(t *testing.T) {
	noveum := newBackend(t)
	left := 5
	noveum.decide = func([]map[string]any) (int, string) {
		if left--; left >= 0 {
			return http.StatusForbidden, ""
		}
		return http.StatusOK, ""
	}
	out, err := NewFactory().CreateTraces(t.Context(), settings(), testConfig(t, noveum.URL))
	require.NoError(t, err)
	seen := &host{}
	require.NoError(t, out.Start(t.Context(), seen))
	require.NoError(t, out.ConsumeTraces(t.Context(), oneTrace(1)))
	noveum.wait(t, 1)
	require.NoError(t, out.Shutdown(t.Context()))
	require.Len(t, seen.events, 2)
	assert.Equal(t, componentstatus.StatusRecoverableError, seen.events[0].Status())
	assert.ErrorContains(t, seen.events[0].Err(), "403")
	assert.NotContains(t, seen.events[0].Err().Error(), "nv-test-key")
	assert.Equal(t, componentstatus.StatusOK, seen.events[1].Status())
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newBackend(t)
	noveum := newBackend(t)
	redirects := 3
	noveum.Config.Handler = http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if redirects--; redirects >= 0 {
			http.Redirect(answer, request, elsewhere.URL, http.StatusTemporaryRedirect)
			return
		}
		noveum.take(answer, request)
	})
	out := startTraces(t, testConfig(t, noveum.URL), settings())
	require.NoError(t, out.ConsumeTraces(t.Context(), oneTrace(1)))
	noveum.wait(t, 1)
	require.NoError(t, out.Shutdown(t.Context()))
	assert.Empty(t, elsewhere.requests)
}

// One bad trace among many: halves, until it stands alone.
func TestOneBadTraceStopsNoOther(t *testing.T) {
	noveum := newBackend(t)
	bad := rand.IntN(30)
	noveum.decide = func(traces []map[string]any) (int, string) {
		if numbersOf(traces)[bad] > 0 {
			return http.StatusBadRequest, ""
		}
		return http.StatusOK, ""
	}
	cfg := testConfig(t, noveum.URL)
	cfg.Directory, cfg.InMemory = "", true
	cfg.Settings["assembly.quiet_ms"] = 600000 // all in one request, at the end
	out := startTraces(t, cfg, settings())
	for n := range 30 {
		require.NoError(t, out.ConsumeTraces(t.Context(), oneTrace(n)))
	}
	require.NoError(t, out.Shutdown(t.Context()))
	found := numbersOf(noveum.traces)
	assert.Len(t, found, 29)
	assert.NotContains(t, found, bad)
}
