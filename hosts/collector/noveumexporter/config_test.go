package noveumexporter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
)

func TestFactory(t *testing.T) {
	factory := NewFactory()
	assert.Equal(t, component.MustNewType("noveum"), factory.Type())
	assert.Equal(t, component.StabilityLevelAlpha, factory.TracesStability())
	assert.Equal(t, component.StabilityLevelAlpha, factory.LogsStability())
	require.NoError(t, componenttest.CheckConfigStruct(factory.CreateDefaultConfig()))
	_, err := factory.CreateMetrics(t.Context(), settings(), factory.CreateDefaultConfig())
	assert.Error(t, err) // metrics are no traces
}

func TestConfigIsRead(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"api_key": "nv-1", "project": "p", "directory": "/tmp/x", "timeout": "3s", "retry_max": "2m",
		"settings": map[string]any{"assembly.quiet_ms": 700, "redaction.pii": "off"},
	}).Unmarshal(cfg))
	require.NoError(t, cfg.Validate())
	assert.Equal(t, 3*time.Second, cfg.ClientConfig.Timeout)
	assert.Equal(t, "https://api.noveum.ai/api/v1/traces", cfg.tracesURL())
	settings, err := cfg.settings("/d")
	require.NoError(t, err)
	assert.Equal(t, []string{"exporter.noveum.project=p", "journal.directory=/d", "assembly.quiet_ms=700",
		"redaction.pii=off"}, settings)
	for _, key := range []string{"apikey", "Timeout", "time_out"} {
		unknown := confmap.NewFromStringMap(map[string]any{key: "x"}).Unmarshal(cfg)
		assert.ErrorContains(t, unknown, key+": is no option")
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"no key":          {func(c *Config) { c.APIKey = "" }, "api_key: is required"},
		"key with a line": {func(c *Config) { c.APIKey = "a\nb" }, "api_key: has white space"},
		"no project":      {func(c *Config) { c.Project = "" }, "project: is required"},
		"no place":        {func(c *Config) { c.Directory = "" }, "directory: is required"},
		"two places":      {func(c *Config) { c.InMemory = true }, "in_memory: contradicts directory"},
		"no scheme":       {func(c *Config) { c.ClientConfig.Endpoint = "api.noveum.ai" }, "endpoint: "},
		"no host":         {func(c *Config) { c.ClientConfig.Endpoint = "https://" }, "endpoint: "},
		"no senders":      {func(c *Config) { c.Senders = 0 }, "senders: 0 is not from 1 to 64"},
		"many senders":    {func(c *Config) { c.Senders = 65 }, "senders: 65"},
		"small bodies":    {func(c *Config) { c.MaxBodyBytes = 1 }, "max_body_bytes: 1"},
		"retry":           {func(c *Config) { c.RetryMax = 1 }, "retry_max: "},
		"drain":           {func(c *Config) { c.DrainTimeout = -1 }, "drain_timeout: is negative"},
		"own setting": {func(c *Config) { c.Settings = map[string]any{"journal.directory": "/x"} },
			"settings: journal.directory is said by the option directory"},
		"gateway's setting": {func(c *Config) { c.Settings = map[string]any{"receiver.http.listen": ":1"} },
			"receiver.http.listen: an embedded pipeline has no use for it"},
		"misspelt":  {func(c *Config) { c.Settings = map[string]any{"assembly.quite_ms": 1} }, "assembly.quite_ms"},
		"bad value": {func(c *Config) { c.Settings = map[string]any{"assembly.quiet_ms": "soon"} }, "assembly.quiet_ms"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "http://127.0.0.1:1")
			row.change(cfg)
			assert.ErrorContains(t, cfg.Validate(), row.says)
		})
	}
}

func TestEveryMistakeIsSaidAtOnce(t *testing.T) {
	err := createDefaultConfig().(*Config).Validate()
	for _, option := range []string{"api_key", "project", "directory"} {
		assert.ErrorContains(t, err, option)
	}
}
