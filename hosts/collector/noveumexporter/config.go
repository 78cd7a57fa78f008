package noveumexporter

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"sort"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
)

// Config is what the exporter can be told. docs/options.md is made from these fields, their
// comments and the defaults of createDefaultConfig.
type Config struct {
	// How the backend is reached. Its endpoint is the base of Noveum's API; /v1/traces is
	// appended unless it is there. Redirects are never followed: the key would go with them.
	ClientConfig confighttp.ClientConfig `mapstructure:",squash"`

	// The key of Noveum's API, sent as bearer token. Required. Give it as ${env:NOVEUM_API_KEY}.
	APIKey configopaque.String `mapstructure:"api_key"`
	// The project that traces belong to. Required; an unknown name creates a new project.
	Project string `mapstructure:"project"`
	// The environment of traces whose resource names none.
	Environment string `mapstructure:"environment"`
	// Where spans wait on disk, from before they are acknowledged until their trace is
	// delivered: one directory for each exporter. Required unless in_memory is true.
	Directory string `mapstructure:"directory"`
	// Keep spans in memory alone: what was acknowledged and not delivered is lost when the
	// Collector ends in an unforeseen way.
	InMemory bool `mapstructure:"in_memory"`
	// How many requests to the backend may be under way at a time, 1 to 64.
	Senders int `mapstructure:"senders"`
	// Traces are put into one request until it has so many bytes, 65536 to 67108864. A trace
	// that is larger goes alone.
	MaxBodyBytes int `mapstructure:"max_body_bytes"`
	// The first pause after the backend could not take a request; it doubles from there, with
	// jitter.
	RetryInitial time.Duration `mapstructure:"retry_initial"`
	// The longest pause. Requests are repeated until they are taken; Retry-After up to an hour
	// is kept to.
	RetryMax time.Duration `mapstructure:"retry_max"`
	// How long a shutdown may wait for what is ready to be delivered. What is not waits in the
	// directory for the next start.
	DrainTimeout time.Duration `mapstructure:"drain_timeout"`
	// Any setting of docs/configuration.md that an embedded pipeline has, by its key:
	// assembly.quiet_ms, redaction.pii, sampling.rate, ...
	Settings map[string]any `mapstructure:"settings"`
}

const (
	defaultEndpoint = "https://api.noveum.ai/api"
	tracesPath      = "/v1/traces"
	maxSenders      = 64
	minBodyBytes    = 64 << 10
	mostBodyBytes   = 64 << 20
)

// Settings that have an option of the exporter, which would be contradicted.
var ownSettings = map[string]string{
	"journal.directory":           "directory",
	"journal.durability":          "in_memory",
	"exporter.noveum.project":     "project",
	"exporter.noveum.environment": "environment",
}

func createDefaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Endpoint = defaultEndpoint
	client.Timeout = 30 * time.Second
	return &Config{
		ClientConfig: client,
		Senders:      2,
		MaxBodyBytes: 1 << 20,
		RetryInitial: 500 * time.Millisecond,
		RetryMax:     time.Minute,
		DrainTimeout: 10 * time.Second,
	}
}

var _ confmap.Unmarshaler = (*Config)(nil)

// Unmarshal refuses keys that are no options. confmap does so by itself, but for structs a part
// of which reads itself, as the client's does.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	known := map[string]bool{}
	addKeys(reflect.TypeFor[Config](), known)
	for key := range conf.ToStringMap() {
		if !known[key] {
			return fmt.Errorf("%s: is no option of this exporter, see docs/options.md", key)
		}
	}
	return conf.Unmarshal(c)
}

func addKeys(kind reflect.Type, known map[string]bool) {
	for i := range kind.NumField() {
		name, how, _ := strings.Cut(kind.Field(i).Tag.Get("mapstructure"), ",")
		if how == "squash" {
			addKeys(kind.Field(i).Type, known)
		} else if name != "" {
			known[name] = true
		}
	}
}

// Validate says everything that is wrong at once, each with what to do about it.
func (c *Config) Validate() error {
	errs := []error{c.checkEndpoint(), c.checkPlaces(), c.checkNumbers()}
	if c.APIKey == "" {
		errs = append(errs, errors.New("api_key: is required, for example ${env:NOVEUM_API_KEY}"))
	} else if strings.ContainsAny(string(c.APIKey), " \t\r\n") {
		errs = append(errs, errors.New("api_key: has white space in it"))
	}
	if c.Project == "" {
		errs = append(errs, errors.New("project: is required"))
	}
	settings, err := c.settings("")
	if err == nil {
		err = checkSettings(settings)
	}
	return errors.Join(append(errs, err)...)
}

func (c *Config) checkEndpoint() error {
	parsed, err := url.Parse(c.ClientConfig.Endpoint)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return fmt.Errorf("endpoint: %q is no address, write it like %s", c.ClientConfig.Endpoint, defaultEndpoint)
	}
	return nil
}

func (c *Config) checkPlaces() error {
	if c.Directory == "" && !c.InMemory {
		return errors.New("directory: is required, or in_memory: true, which loses spans at a crash")
	}
	if c.Directory != "" && c.InMemory {
		return errors.New("in_memory: contradicts directory, leave one of them out")
	}
	return nil
}

func (c *Config) checkNumbers() error {
	var errs []error
	if c.Senders < 1 || c.Senders > maxSenders {
		errs = append(errs, fmt.Errorf("senders: %d is not from 1 to %d", c.Senders, maxSenders))
	}
	if c.MaxBodyBytes < minBodyBytes || c.MaxBodyBytes > mostBodyBytes {
		errs = append(errs, fmt.Errorf("max_body_bytes: %d is not from %d to %d", c.MaxBodyBytes,
			minBodyBytes, mostBodyBytes))
	}
	if c.RetryInitial <= 0 || c.RetryMax < c.RetryInitial {
		errs = append(errs, errors.New("retry_max: must not be shorter than retry_initial, "+
			"which must be longer than nothing"))
	}
	if c.DrainTimeout < 0 {
		errs = append(errs, errors.New("drain_timeout: is negative"))
	}
	return errors.Join(errs...)
}

// settings are the library's, as key=value; directory "" keeps spans in memory.
func (c *Config) settings(directory string) ([]string, error) {
	made := []string{"exporter.noveum.project=" + c.Project}
	if c.Environment != "" {
		made = append(made, "exporter.noveum.environment="+c.Environment)
	}
	if directory != "" {
		made = append(made, "journal.directory="+directory)
	}
	keys := make([]string, 0, len(c.Settings))
	for key := range c.Settings {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		if own, found := ownSettings[key]; found {
			return nil, fmt.Errorf("settings: %s is said by the option %s", key, own)
		}
		made = append(made, fmt.Sprintf("%s=%v", key, c.Settings[key]))
	}
	return made, nil
}

// tracesURL is where traces are posted to.
func (c *Config) tracesURL() string {
	base := strings.TrimRight(c.ClientConfig.Endpoint, "/")
	if strings.HasSuffix(base, tracesPath) {
		return base
	}
	return base + tracesPath
}
