/* `sluice download URL`: one file of the tools' mirror, to standard output. The runner calls it,
 * because it has no way to the network itself; who checks the bytes is the runner. */
#include "orchestrator/cli.h"
#include "orchestrator/lib/http_client.h"

#include <stdio.h>

enum { MINUTE_MS = 60000, TIMEOUT_MS = 10 * MINUTE_MS };
static const size_t file_max = 512U << 20;

int cli_download(struct cli *cli)
{
	const struct http_request request = { .method = "GET",
		.url = cli->argc == 1 ? cli->argv[0] : "",
		.timeout_ms = TIMEOUT_MS,
		.cap_bytes = file_max };
	struct err err;

	if (cli->argc != 1)
		return cli_usage("which file?");
	if (http_client_download(&request, STDOUT_FILENO, &err) == 0)
		return CLI_DONE;
	(void)fprintf(stderr, "%s\n", err.text);
	return CLI_NO;
}
