package noveumexporter

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// verdict is what an answer means for the traces of the request, by docs/noveum-backend.md.
type verdict int

const (
	delivered verdict = iota
	later             // the same again, after a pause
	refused           // one of the traces is in the way: halves, and a trace alone is refused
)

const longestRetryAfter = time.Hour

// verdictOf: what is not known by its status is held and tried again, never given up.
func verdictOf(status int) verdict {
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusConflict:
		return delivered
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return refused
	}
	return later
}

// isOperators: nothing but a change of the configuration or of the account helps.
func isOperators(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusProxyAuthRequired:
		return true
	}
	return status >= 300 && status < 400
}

// retryAfter reads seconds or a date; 0: none, or none that can be used.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(header); err == nil {
		wait = date.Sub(now)
	}
	return max(0, min(wait, longestRetryAfter))
}
