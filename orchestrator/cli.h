/* What the verbs of the command line share. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"

#include <jansson.h>
#include <stdio.h>

enum cli_exit { CLI_DONE = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_UNREACHABLE = 69, CLI_UNFIT = 78 };

struct cli {
	struct arena arena;
	const char *data_dir;
	const char *as; /* who speaks */
	bool json;
	bool colour;
	int argc; /* what is left after the verb and the common flags */
	char **argv;
	/* flags of single verbs; NULL when not given */
	const char *repo, *head, *base, *title, *body, *import, *config, *env_file, *server, *until,
		*what_if, *from, *to, *at, *environment, *anchors, *reason;
	const char *dir, *workspace, *project, *file, *schema;
	const char *url, *org, *name, *host, *out, *ca_bundle, *code;
	bool dot, all, reference, print, merge, csv, jsonl, verify;
	int64_t timeout_s;
};

struct cli_action { /* the first word after a verb */
	const char *name, *usage, *help;
};

struct cli_verb {
	const char *name, *usage, *help;
	int (*run)(struct cli *cli);
	bool has_foreign_flags;		  /* flags that are not ours go to argv, as they stand */
	const struct cli_action *actions; /* ends with one without a name; NULL: it has none */
};
extern const struct cli_action cli_pr_actions[], cli_audit_actions[], cli_drift_actions[];

/* cli.c */
const char *cli_data_dir(const char *wish, struct arena *arena);
_must_check_ int cli_make_folders(const char *path, struct err *err);
const char *cli_beside(struct arena *arena, const char *program); /* NULL when it is not there */
const char *cli_in_path(struct arena *arena, const char *program);
/* Asks the server; on an error the message is printed and *ret_exit set. The answer is owned by the
 * caller. */
json_t *cli_ask(struct cli *cli, const char *method, const char *path, json_t *body, int *ret_exit);
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_print_json(const json_t *json);
const char *cli_text(const json_t *object, const char *key);
int64_t cli_number(const json_t *object, const char *key);
json_t *cli_pull(struct cli *cli, const char *number, int *ret_exit);
bool cli_is_number(const char *text);
/* Runs a program of the person who types, with the person's rights; its output. argv[0] is found in
 * PATH. */
FILE *cli_run(const char *const *argv);
int cli_run_end(FILE *output); /* its exit code */
/* The host, owner and name in the address that git knows: https://HOST/OWNER/NAME.git or
 * git@HOST:OWNER/NAME; both stay as they are when there is none. */
void cli_name_repo(struct cli *cli, const char *dir, const char **ret_host, const char **ret_repo);

int cli_main(int argc, char **argv);

/* The verbs, by file. */
int cli_serve(struct cli *cli);
int cli_repo(struct cli *cli);
int cli_gates(struct cli *cli);
int cli_team(struct cli *cli);
int cli_pr(struct cli *cli);
int cli_local_hook(struct cli *cli);
int cli_plan(struct cli *cli);
int cli_apply(struct cli *cli);
int cli_unlock(struct cli *cli);
int cli_cancel(struct cli *cli);
int cli_wait(struct cli *cli);
int cli_runs(struct cli *cli);
int cli_log(struct cli *cli);
int cli_locks(struct cli *cli);
int cli_queue(struct cli *cli);
int cli_audit(struct cli *cli);
int cli_drift(struct cli *cli);
int cli_record_change(struct cli *cli);
int cli_backup(struct cli *cli);
int cli_restore(struct cli *cli);
int cli_reload(struct cli *cli);
int cli_rotate_key(struct cli *cli);
int cli_doctor(struct cli *cli);
int cli_github_app(struct cli *cli);
int cli_migrate(struct cli *cli);
int cli_validate(struct cli *cli);
int cli_projects(struct cli *cli);
int cli_download(struct cli *cli);
int cli_flow(struct cli *cli);
int cli_version(struct cli *cli);
int cli_completion(struct cli *cli);
