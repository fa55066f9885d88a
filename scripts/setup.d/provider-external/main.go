// A provider with one data source, "external": it runs a program that the configuration names while the plan is made,
// which is what hostile configuration wants. For tests of the sandbox only.
package main

import (
	"context"
	"encoding/json"
	"os/exec"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type external struct{}

func (external) Metadata(_ context.Context, _ provider.MetadataRequest, answer *provider.MetadataResponse) {
	answer.TypeName = "external"
}

func (external) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (external) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (external) Resources(context.Context) []func() resource.Resource { return nil }

func (external) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{func() datasource.DataSource { return program{} }}
}

// Reads one JSON object of texts from the standard output of a program.
type program struct{}

type fields struct {
	Program types.List `tfsdk:"program"`
	Result  types.Map  `tfsdk:"result"`
}

func (program) Metadata(_ context.Context, _ datasource.MetadataRequest, answer *datasource.MetadataResponse) {
	answer.TypeName = "external"
}

func (program) Schema(_ context.Context, _ datasource.SchemaRequest, answer *datasource.SchemaResponse) {
	answer.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"program": schema.ListAttribute{ElementType: types.StringType, Required: true},
		"result":  schema.MapAttribute{ElementType: types.StringType, Computed: true},
	}}
}

func (program) Read(ctx context.Context, request datasource.ReadRequest, answer *datasource.ReadResponse) {
	var given fields
	var words []string
	var said map[string]string

	answer.Diagnostics.Append(request.Config.Get(ctx, &given)...)
	answer.Diagnostics.Append(given.Program.ElementsAs(ctx, &words, false)...)
	if answer.Diagnostics.HasError() {
		return
	}
	if len(words) == 0 {
		answer.Diagnostics.AddError("no program", "program is empty")
		return
	}
	output, err := exec.CommandContext(ctx, words[0], words[1:]...).Output()
	if err == nil {
		err = json.Unmarshal(output, &said)
	}
	if err != nil {
		answer.Diagnostics.AddError("the program did not answer", err.Error())
		return
	}
	result, problems := types.MapValueFrom(ctx, types.StringType, said)
	answer.Diagnostics.Append(problems...)
	given.Result = result
	answer.Diagnostics.Append(answer.State.Set(ctx, &given)...)
}

func main() {
	_ = providerserver.Serve(context.Background(), func() provider.Provider { return external{} },
		providerserver.ServeOpts{Address: "registry.terraform.io/hashicorp/external"})
}
