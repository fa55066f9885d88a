/* Without a file in the repository: the server's tool, the default workspace. */
#include "config/server_config.h"

static int read_default(_unused_ const struct config_reader *reader,
	const struct settings *settings, _unused_ struct arena *arena, struct repo_config *ret,
	_unused_ struct err *err)
{
	*ret = (struct repo_config){ .tool = settings->tool, .workspace = "default" };
	return 0;
}

const struct config_reader config_default_reader = { .read = read_default };
