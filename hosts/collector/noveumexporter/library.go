package noveumexporter

/*
#cgo pkg-config: noveum
#include <noveum/pipeline.h>
#include <stdlib.h>

extern void noveumexporterLog(uintptr_t handle, char *line, size_t length);

static void log_line(void *ctx, const char *line, size_t length)
{
    noveumexporterLog((uintptr_t)ctx, (char *)line, length);
}

static noveum_pipeline_result open_pipeline(char **settings, uintptr_t handle,
                                            noveum_pipeline **out, char *why)
{
    noveum_pipeline_options options = {.size = sizeof options,
                                       .settings = (const char *const *)settings,
                                       .log = handle ? log_line : NULL,
                                       .log_ctx = (void *)handle};
    return noveum_pipeline_open(&options, out, why, NOVEUM_PIPELINE_WHY_SIZE);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime/cgo"
	"sync"
	"time"
	"unsafe"
)

type signal C.noveum_pipeline_signal

const (
	signalTraces signal = C.NOVEUM_PIPELINE_TRACES
	signalLogs   signal = C.NOVEUM_PIPELINE_LOGS
)

// What a request can be refused for; the caller decides by it whether to send again.
var (
	errFull      = errors.New("full: come again")
	errMalformed = errors.New("no OTLP request, or a part of one that can't be used")
	errClosed    = errors.New("the exporter is shut down")
	errLibrary   = errors.New("libnoveum failed")
)

// library is one pipeline of noveum/pipeline.h. Its methods may be called by several
// goroutines; one at a time is inside.
type library struct {
	mu       sync.Mutex
	pipeline *C.noveum_pipeline // nil: closed
	log      cgo.Handle
}

// payload is a trace that waits to be settled. Its bytes are the library's until then.
type payload struct {
	c C.noveum_pipeline_payload
}

func (p *payload) json() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p.c.json)), int(p.c.json_len))
}

func (p *payload) spans() int64 {
	return int64(p.c.spans)
}

// openLibrary opens a pipeline; log may be nil.
func openLibrary(settings []string, log func(string)) (*library, error) {
	lines := make([]*C.char, len(settings)+1)
	for i, setting := range settings {
		lines[i] = C.CString(setting)
		defer C.free(unsafe.Pointer(lines[i]))
	}
	// The list is C's as well: Go's rules on pointers allow no other.
	size := C.size_t(len(lines)) * C.size_t(unsafe.Sizeof(lines[0]))
	list := (**C.char)(C.malloc(size))
	defer C.free(unsafe.Pointer(list))
	copy(unsafe.Slice(list, len(lines)), lines)

	made := &library{}
	if log != nil {
		made.log = cgo.NewHandle(log)
	}
	var why [C.NOVEUM_PIPELINE_WHY_SIZE]C.char
	result := C.open_pipeline(list, C.uintptr_t(made.log), &made.pipeline, &why[0])
	if result != C.NOVEUM_PIPELINE_OK {
		made.close()
		return nil, fmt.Errorf("libnoveum: %s", C.GoString(&why[0]))
	}
	return made, nil
}

// checkSettings opens a pipeline in memory and closes it: the library says what is wrong.
func checkSettings(settings []string) error {
	opened, err := openLibrary(settings, nil)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	opened.close()
	return nil
}

func errorOf(result C.noveum_pipeline_result, why string) error {
	kind := errLibrary
	switch result {
	case C.NOVEUM_PIPELINE_OK:
		return nil
	case C.NOVEUM_PIPELINE_FULL, C.NOVEUM_PIPELINE_NO_MEMORY:
		kind = errFull
	case C.NOVEUM_PIPELINE_MALFORMED, C.NOVEUM_PIPELINE_TOO_LARGE, C.NOVEUM_PIPELINE_INVALID:
		kind = errMalformed
	case C.NOVEUM_PIPELINE_CLOSED:
		kind = errClosed
	}
	return fmt.Errorf("%w: %s: %s", kind, C.GoString(C.noveum_pipeline_result_text(result)), why)
}

// accept takes one export request; when it returns, what was taken is as durable as was asked
// for. rejected: spans without a usable id, and why.
func (l *library) accept(what signal, request []byte) (rejected uint64, why string, err error) {
	var receipt C.noveum_pipeline_receipt
	receipt.size = C.sizeof_noveum_pipeline_receipt
	var start unsafe.Pointer
	if len(request) > 0 {
		start = unsafe.Pointer(&request[0])
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pipeline == nil {
		return 0, "", errClosed
	}
	result := C.noveum_pipeline_accept(l.pipeline, C.noveum_pipeline_signal(what), start,
		C.size_t(len(request)), &receipt)
	why = C.GoString(&receipt.why[0])
	return uint64(receipt.rejected), why, errorOf(result, why)
}

// tick translates what is whole and says when to come again.
func (l *library) tick() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pipeline == nil {
		return math.MaxInt64
	}
	wait := uint64(C.noveum_pipeline_tick(l.pipeline))
	return time.Duration(min(wait, math.MaxInt64))
}

// pull gives traces that are ready, until they have so many bytes together; none: nil.
func (l *library) pull(maxBytes, maxTraces int) []payload {
	l.mu.Lock()
	defer l.mu.Unlock()
	var pulled []payload
	for size := 0; l.pipeline != nil && size < maxBytes && len(pulled) < maxTraces; {
		var next payload
		if C.noveum_pipeline_pull(l.pipeline, &next.c) != C.NOVEUM_PIPELINE_OK {
			break
		}
		size += int(next.c.json_len)
		pulled = append(pulled, next)
	}
	return pulled
}

// settle says what became of payloads and frees them.
func (l *library) settle(payloads []payload, delivered bool) {
	outcome := C.noveum_pipeline_outcome(C.NOVEUM_PIPELINE_REFUSED)
	if delivered {
		outcome = C.NOVEUM_PIPELINE_DELIVERED
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range payloads {
		if l.pipeline != nil {
			C.noveum_pipeline_settle(l.pipeline, &payloads[i].c, outcome)
		}
	}
}

// finish says that nothing more comes.
func (l *library) finish() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pipeline == nil {
		return nil
	}
	return errorOf(C.noveum_pipeline_finish(l.pipeline), "some spans are held still")
}

// status says where every span is; zero when closed.
func (l *library) status() C.noveum_pipeline_status {
	var status C.noveum_pipeline_status
	status.size = C.sizeof_noveum_pipeline_status
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pipeline != nil {
		C.noveum_pipeline_read_status(l.pipeline, &status)
	}
	return status
}

// close frees the pipeline. With a journal, what was not settled comes again.
func (l *library) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	C.noveum_pipeline_close(l.pipeline)
	l.pipeline = nil
	if l.log != 0 {
		l.log.Delete()
		l.log = 0
	}
}
