/* Without a file in the repository: the server's tool, the default workspace. */
#include "config/server_config.h"

static int read_default(_unused_ const struct config_reader *reader,
	const struct settings *settings, _unused_ const struct config_request *request,
	_unused_ struct arena *arena, struct repo_config *ret,
	_unused_ struct config_problems *problems, _unused_ struct err *err)
{
	*ret = (struct repo_config){ .file = "",
		.default_kind = settings->tool,
		.default_workspace = "default",
		.follow_modules = true };
	return 0;
}

static void no_files(_unused_ const struct config_reader *reader,
	_unused_ const struct settings *settings, _unused_ const char *host,
	_unused_ const char *repo, _unused_ struct arena *arena, struct name_list *ret)
{
	*ret = (struct name_list){ 0 };
}

const struct config_reader config_default_reader = { .read = read_default, .files = no_files };
