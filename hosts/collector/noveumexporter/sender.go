package noveumexporter

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/exporter"
	"go.uber.org/zap"
)

const (
	maxRefusedFiles = 1000    // kept of traces that the backend refuses for good
	maxAnswerBytes  = 1 << 16 // read of an answer, so that its connection can be used again
)

// sender posts traces and lets none go before the backend has it or will never take it.
type sender struct {
	cfg     *Config
	url     string
	client  *http.Client
	agent   string
	refused string // where refused traces are kept; "": nowhere
	host    component.Host
	log     *zap.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	gate    gate
	kept    atomic.Int64 // files in refused

	requests, retries, refusals atomic.Int64
}

func newSender(ctx context.Context, cfg *Config, refused string, host component.Host,
	set exporter.Settings) (*sender, error) {
	client, err := cfg.ClientConfig.ToClient(ctx, host.GetExtensions(), set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	made := &sender{cfg: cfg, url: cfg.tracesURL(), client: client, refused: refused, host: host,
		log: set.Logger, agent: "noveum-otel-collector/" + set.BuildInfo.Version,
		gate: gate{initial: cfg.RetryInitial, most: cfg.RetryMax}}
	if refused != "" {
		files, err := os.ReadDir(refused)
		if err != nil {
			return nil, fmt.Errorf("directory: %w", err)
		}
		made.kept.Store(int64(len(files)))
	}
	made.ctx, made.cancel = context.WithCancel(context.Background())
	return made, nil
}

func (s *sender) close() {
	s.cancel()
	s.client.CloseIdleConnections()
}

// deliver settles every payload but for those that are left when it is cancelled: false.
func (s *sender) deliver(lib *library, payloads []payload) bool {
	for s.gate.wait(s.ctx) {
		meaning, wait := s.post(payloads)
		switch {
		case meaning == delivered:
			s.well()
			lib.settle(payloads, true)
			return true
		case meaning == refused && len(payloads) == 1:
			s.keep(&payloads[0])
			lib.settle(payloads, false)
			return true
		case meaning == refused:
			half := len(payloads) / 2
			return s.deliver(lib, payloads[:half]) && s.deliver(lib, payloads[half:])
		}
		s.gate.failed(wait)
		s.retries.Add(1)
	}
	return false
}

// post makes one request; wait: what the backend asks for before the next.
func (s *sender) post(payloads []payload) (meaning verdict, wait time.Duration) {
	content := newBody(payloads, time.Now())
	defer content.release()
	request, err := s.request(content)
	if err != nil {
		s.trouble(0, err)
		return later, 0
	}
	s.requests.Add(1)
	answer, err := s.client.Do(request)
	if err != nil {
		s.trouble(0, err)
		return later, 0
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswerBytes)
	meaning = verdictOf(answer.StatusCode)
	if meaning == later {
		s.trouble(answer.StatusCode, fmt.Errorf("the backend answered %s", answer.Status))
		wait = retryAfter(answer.Header.Get("Retry-After"), time.Now())
	}
	return meaning, wait
}

func (s *sender) request(content *body) (*http.Request, error) {
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.url, content)
	if err != nil {
		return nil, err
	}
	request.ContentLength = content.length
	// A connection that the backend has closed meanwhile is no trouble: net/http takes
	// another, if it may read the body again.
	request.GetBody = func() (io.ReadCloser, error) { return content.again(), nil }
	request.Header["Idempotency-Key"] = nil // says so to net/http; is not sent
	request.Header.Set("Authorization", "Bearer "+string(s.cfg.APIKey))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", s.agent)
	return request, nil
}

// trouble tells the Collector once, when it begins and when it becomes another.
func (s *sender) trouble(status int, err error) {
	if s.ctx.Err() != nil || !s.gate.is(status) {
		return
	}
	s.log.Warn("traces wait: the backend does not take them", zap.Error(err))
	if isOperators(status) {
		err = fmt.Errorf("%w: check endpoint, api_key and the account", err)
	}
	componentstatus.ReportStatus(s.host, componentstatus.NewRecoverableErrorEvent(err))
}

func (s *sender) well() {
	if s.gate.passed() {
		s.log.Info("the backend takes traces again")
		componentstatus.ReportStatus(s.host, componentstatus.NewEvent(componentstatus.StatusOK))
	}
}

// keep writes a trace that nobody will take to a file, for people.
func (s *sender) keep(refused *payload) {
	s.refusals.Add(1)
	s.well() // the backend is there: it was this trace
	file := ""
	if s.refused != "" && s.kept.Add(1) <= maxRefusedFiles {
		file = filepath.Join(s.refused, fmt.Sprintf("%d.json", time.Now().UnixNano()))
		if err := os.WriteFile(file, refused.json(), 0o600); err != nil {
			s.log.Error("a refused trace could not be kept", zap.Error(err))
			file = ""
		}
	}
	s.log.Error("the backend refuses a trace for good", zap.Int64("spans", refused.spans()),
		zap.String("kept", file))
}

// gate holds all senders back together: the backend is one.
type gate struct {
	mu            sync.Mutex
	initial, most time.Duration
	until         time.Time
	failures      uint
	trouble       int // the status of the trouble there is, 0 without an answer
	closed        bool
}

// wait returns when a request may be tried; false: cancelled.
func (g *gate) wait(ctx context.Context) bool {
	for {
		g.mu.Lock()
		left := time.Until(g.until)
		g.mu.Unlock()
		if left <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// failed lengthens the pause: from the initial one, doubled each time, half of it by chance.
func (g *gate) failed(asked time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pause := g.most
	if g.failures < 32 && g.initial<<g.failures < g.most && g.initial<<g.failures > 0 {
		pause = g.initial << g.failures
	}
	g.failures++
	pause = pause/2 + rand.N(pause/2+1)
	if until := time.Now().Add(max(pause, asked)); until.After(g.until) {
		g.until = until
	}
}

// is notes what the trouble is; true: it was none, or another.
func (g *gate) is(trouble int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	changed := !g.closed || g.trouble != trouble
	g.closed, g.trouble = true, trouble
	return changed
}

// passed ends the trouble; true: there was one.
func (g *gate) passed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	had := g.closed
	g.closed, g.failures, g.until = false, 0, time.Time{}
	return had
}
