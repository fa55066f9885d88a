/* What holds where a configuration says nothing: the lists that Atlantis has. */
#include "orchestrator/model/repo_config.h"

static const char *when_modified[] = { "**/*.tf*", "**/*.tofu", "**/*.tofu.json",
	"**/terragrunt.hcl", "**/.terraform.lock.hcl" };
static const char *autoplan_files[] = { "**/*.tf", "**/*.tf.json", "**/*.tfvars",
	"**/*.tfvars.json", "**/*.tofu", "**/*.tofu.json", "**/terragrunt.hcl",
	"**/.terraform.lock.hcl" };

const struct name_list default_when_modified = { when_modified, countof(when_modified) };
const struct name_list default_autoplan_files = { autoplan_files, countof(autoplan_files) };
