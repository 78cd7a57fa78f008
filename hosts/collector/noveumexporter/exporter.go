package noveumexporter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
)

// noveumExporter is a configured exporter, whatever signals it is used for.
type noveumExporter struct {
	cfg *Config
	set exporter.Settings

	mu     sync.Mutex
	starts int      // of signals that were started and not shut down
	run    *running // nil: not started, or shut down
}

// running is what lives from the first start to the last shutdown.
type running struct {
	lib      *library
	log      *zap.Logger
	out      *sender
	metrics  *metrics
	kick     chan struct{} // something was accepted or settled: tick
	ready    chan struct{} // something may be pulled
	stopping chan struct{} // senders end when nothing is left
	ticker   sync.WaitGroup
	senders  sync.WaitGroup
}

// Exporters by their configuration: the Collector makes one for each signal and gives both the
// same configuration.
var (
	sharedMu sync.Mutex
	shared   = map[*Config]*noveumExporter{}
)

func sharedExporter(cfg *Config, set exporter.Settings) *noveumExporter {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if found := shared[cfg]; found != nil {
		return found
	}
	shared[cfg] = &noveumExporter{cfg: cfg, set: set}
	return shared[cfg]
}

func (e *noveumExporter) forget() {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	delete(shared, e.cfg)
}

// ---- life -----------------------------------------------------------------------------------

func (e *noveumExporter) start(ctx context.Context, host component.Host) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.starts > 0 {
		e.starts++
		return nil
	}
	run, err := e.open(ctx, host)
	if err != nil {
		return err
	}
	e.run = run
	e.starts = 1
	return nil
}

// journal is the library's directory; the other is for traces that the backend refuses.
func (e *noveumExporter) directories() (journal, refused string, err error) {
	if e.cfg.InMemory {
		return "", "", nil
	}
	journal, refused = filepath.Join(e.cfg.Directory, "journal"), filepath.Join(e.cfg.Directory, "refused")
	for _, directory := range []string{journal, refused} {
		if err = os.MkdirAll(directory, 0o700); err != nil {
			return "", "", fmt.Errorf("directory: %w", err)
		}
	}
	return journal, refused, nil
}

func (e *noveumExporter) open(ctx context.Context, host component.Host) (*running, error) {
	journal, refused, err := e.directories()
	if err != nil {
		return nil, err
	}
	settings, err := e.cfg.settings(journal)
	if err != nil {
		return nil, err
	}
	out, err := newSender(ctx, e.cfg, refused, host, e.set)
	if err != nil {
		return nil, err
	}
	log := e.set.Logger
	lib, err := openLibrary(settings, func(line string) { log.Info(line, zap.String("from", "libnoveum")) })
	if err != nil {
		return nil, err
	}
	run := &running{lib: lib, log: log, out: out, kick: make(chan struct{}, 1),
		ready: make(chan struct{}, e.cfg.Senders), stopping: make(chan struct{})}
	if run.metrics, err = newMetrics(e.set.TelemetrySettings, lib, out); err != nil {
		lib.close()
		return nil, err
	}
	run.begin(e.cfg)
	return run, nil
}

func (r *running) begin(cfg *Config) {
	r.ticker.Add(1)
	go r.tick()
	for range cfg.Senders {
		r.senders.Add(1)
		go r.send(cfg)
	}
}

// shutdown of the last signal: what is ready is delivered for a time, the rest stays in the
// directory.
func (e *noveumExporter) shutdown(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.starts == 0 {
		e.forget()
		return nil
	}
	if e.starts--; e.starts > 0 {
		return nil
	}
	e.forget()
	run := e.run
	e.run = nil
	return run.end(ctx, e.cfg)
}

func (r *running) end(ctx context.Context, cfg *Config) error {
	ctx, cancel := context.WithTimeout(ctx, cfg.DrainTimeout)
	defer cancel()
	err := r.lib.finish()
	close(r.stopping)
	r.ticker.Wait()
	drained := make(chan struct{})
	go func() { r.senders.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-ctx.Done():
		r.out.cancel()
		<-drained
	}
	r.out.close()
	r.metrics.close()
	status := r.lib.status()
	left := status.held + status.ready + status.pulled
	if left > 0 && cfg.InMemory {
		r.log.Error("spans were lost: they could not be delivered before the end and "+
			"in_memory keeps no copy", zap.Uint64("spans", uint64(left)))
	} else if left > 0 {
		r.log.Info("spans wait in the directory for the next start", zap.Uint64("spans", uint64(left)))
	}
	r.lib.close()
	return err
}

// ---- in -------------------------------------------------------------------------------------

func (e *noveumExporter) consumeTraces(_ context.Context, traces ptrace.Traces) error {
	bytes, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(traces)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	return e.accept(signalTraces, bytes)
}

func (e *noveumExporter) consumeLogs(_ context.Context, logs plog.Logs) error {
	bytes, err := (&plog.ProtoMarshaler{}).MarshalLogs(logs)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	return e.accept(signalLogs, bytes)
}

func (e *noveumExporter) accept(what signal, request []byte) error {
	e.mu.Lock()
	run := e.run
	e.mu.Unlock()
	if run == nil {
		return errClosed
	}
	rejected, why, err := run.lib.accept(what, request)
	if errors.Is(err, errMalformed) {
		return consumererror.NewPermanent(err)
	}
	if err != nil {
		return err
	}
	if rejected > 0 {
		run.log.Warn("spans were left out", zap.Uint64("spans", rejected), zap.String("why", why))
	}
	notify(run.kick)
	return nil
}

// ---- through --------------------------------------------------------------------------------

// notify wakes who waits, or the next to wait.
func notify(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

const longestTick = time.Hour

func (r *running) tick() {
	defer r.ticker.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-r.stopping:
			return
		case <-r.kick:
		case <-timer.C:
		}
		wait := r.lib.tick()
		notify(r.ready)
		timer.Reset(min(wait, longestTick))
	}
}

// send pulls and delivers until it is stopped and nothing is left.
func (r *running) send(cfg *Config) {
	defer r.senders.Done()
	for {
		pulled := r.lib.pull(cfg.MaxBodyBytes, maxTracesPerBody)
		if len(pulled) > 0 {
			notify(r.ready) // there may be more, for another sender
			if !r.out.deliver(r.lib, pulled) {
				return
			}
			notify(r.kick)
			continue
		}
		select {
		case <-r.ready:
		case <-r.stopping:
			r.lib.tick() // what was settled may have made room for what was held
			if pulled = r.lib.pull(cfg.MaxBodyBytes, maxTracesPerBody); len(pulled) == 0 {
				return
			}
			if !r.out.deliver(r.lib, pulled) {
				return
			}
		}
	}
}
