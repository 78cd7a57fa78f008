package noveumexporter

import (
	"io"
	"strconv"
	"sync"
	"time"
)

// Noveum takes so many traces in one request (docs/noveum-backend.md).
const maxTracesPerBody = 1000

// body is a request's, read out of the library's memory in place:
//
//	{"traces":[ JSON , JSON , ... ],"timestamp":1764437649.929}
//
// net/http may read on after a request has failed, in a goroutine of its own. release ends
// that: from then on nothing is read, and the library may have its memory back.
type body struct {
	mu       sync.Mutex
	pieces   [][]byte
	length   int64
	piece    int // the next byte is pieces[piece][at]
	at       int
	released bool
	second   *body // the same from its start, when it had to be read again
}

func newBody(payloads []payload, now time.Time) *body {
	made := &body{pieces: make([][]byte, 0, 2*len(payloads)+1)}
	between := []byte(`{"traces":[`)
	for i := range payloads {
		made.pieces = append(made.pieces, between, payloads[i].json())
		between = []byte(`,`)
	}
	stamp := strconv.FormatFloat(float64(now.UnixMilli())/1000, 'f', 3, 64)
	made.pieces = append(made.pieces, []byte(`],"timestamp":`+stamp+`}`))
	for _, piece := range made.pieces {
		made.length += int64(len(piece))
	}
	return made
}

func (b *body) Read(into []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.released {
		return 0, io.ErrClosedPipe
	}
	read := 0
	for read < len(into) && b.piece < len(b.pieces) {
		copied := copy(into[read:], b.pieces[b.piece][b.at:])
		read += copied
		b.at += copied
		if b.at == len(b.pieces[b.piece]) {
			b.piece, b.at = b.piece+1, 0
		}
	}
	if read == 0 && len(into) > 0 {
		return 0, io.EOF
	}
	return read, nil
}

// Close is the transport's.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	return nil
}

// again is the same body from its start; released with this one.
func (b *body) again() *body {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.second != nil {
		return b.second.again()
	}
	b.second = &body{pieces: b.pieces, length: b.length}
	return b.second
}

// release ends all reading, for good.
func (b *body) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	b.pieces = nil
	if b.second != nil {
		b.second.release()
	}
}
