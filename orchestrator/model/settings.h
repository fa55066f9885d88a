/* What the operator decided: server.yaml as a structure, with the default of each value. Made by
 * config/, read by all. One generation is immutable; its strings live in its arena. */
#pragma once
#include "orchestrator/lib/arena.h"

struct settings {
	struct arena arena;

	const char *listen_host; /* "127.0.0.1" */
	int listen_port;	 /* 4141; 0 = any free port */
	const char *data_dir;	 /* absolute */

	int slots;		   /* jobs at the same time; 0 = twice the cores */
	bool local_host;	   /* the embedded host is on */
	bool bare_commands;	   /* "apply" alone is a command too */
	const char *status_prefix; /* "sluice" */

	const char *tool; /* kind for projects that name none: "terraform" or "opentofu" */
	const char *terraform_path; /* absolute, or NULL: found in PATH at start */
	const char *tofu_path;
	const char *tool_cli_config; /* TF_CLI_CONFIG_FILE for the tools, or NULL */

	int64_t step_timeout_ms;  /* for each step of a job */
	int64_t stop_grace_ms;	  /* from SIGINT to SIGTERM and from there to SIGKILL; an apply gets
				     SIGINT only */
	int64_t output_cap_bytes; /* a step that prints more ends as its own result */
	int64_t comment_interval_ms; /* edits of one comment are at least this far apart */
	int64_t request_deadline_ms; /* HTTP: from the first byte to the last of a request */
	int64_t body_cap_bytes;	     /* HTTP: the largest webhook */
	int connections_per_peer;
};
