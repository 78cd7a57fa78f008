package noveumexporter

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/options.md")

const optionsFile = "docs/options.md"

// comments of the fields of Config, each as one line.
func comments(t *testing.T) map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	require.NoError(t, err)
	found := map[string]string{}
	ast.Inspect(file, func(node ast.Node) bool {
		kind, is := node.(*ast.TypeSpec)
		if !is || kind.Name.Name != "Config" {
			return true
		}
		for _, field := range kind.Type.(*ast.StructType).Fields.List {
			found[field.Names[0].Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
		}
		return false
	})
	return found
}

func defaultOf(value reflect.Value) string {
	if value.IsZero() {
		return ""
	}
	return fmt.Sprintf("`%v`", value.Interface())
}

// optionsTable is the document: a row of the table for each field.
func optionsTable(t *testing.T) string {
	var text strings.Builder
	text.WriteString("# Options of the exporter `noveum`\n\n" +
		"Made from `config.go` by `go test -run TestOptionsAreDocumented -update`.\n\n" +
		"| option | type | default | |\n|---|---|---|---|\n")
	about := comments(t)
	defaults := reflect.ValueOf(createDefaultConfig()).Elem()
	for i := range defaults.NumField() {
		field := defaults.Type().Field(i)
		name := field.Tag.Get("mapstructure")
		require.NotEmpty(t, about[field.Name], field.Name)
		if strings.HasSuffix(name, ",squash") {
			client := defaults.Field(i)
			fmt.Fprintf(&text, "| `endpoint` | string | %s | %s |\n", defaultOf(client.FieldByName("Endpoint")), about[field.Name])
			fmt.Fprintf(&text, "| `timeout` | duration | %s | Of one request. |\n", defaultOf(client.FieldByName("Timeout")))
			text.WriteString("| `tls`, `proxy_url`, `headers`, `compression`, ... | | | As every client has them: " +
				"[confighttp](https://pkg.go.dev/go.opentelemetry.io/collector/config/confighttp). |\n")
			continue
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", name,
			strings.NewReplacer("time.Duration", "duration", "configopaque.String", "string, hidden", "interface {}",
				"value").Replace(field.Type.String()), defaultOf(defaults.Field(i)), about[field.Name])
	}
	return text.String()
}

func TestOptionsAreDocumented(t *testing.T) {
	made := optionsTable(t)
	if *update {
		require.NoError(t, os.WriteFile(optionsFile, []byte(made), 0o600))
	}
	there, err := os.ReadFile(optionsFile)
	require.NoError(t, err)
	assert.Equal(t, made, string(there), "go test -run TestOptionsAreDocumented -update")
}
