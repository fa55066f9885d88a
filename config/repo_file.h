/* sluice.yaml or atlantis.yaml, one file by itself, as it was written. Owns: the tables of its
 * keys. Must not: know the server or the other side of a pull request (effective.h). */
#pragma once
#include "config/decode.h"
#include "orchestrator/lib/err.h"

struct project_file {
	struct project_config config;
	unsigned given;		      /* enum repo_key */
	unsigned silence;	      /* enum silence_bit */
	const char *distribution;     /* terraform_distribution, or NULL */
	bool repo_locking;	      /* the older way to say repo_locks */
	const struct yaml_node *node; /* for the places of its keys */
};

enum silence_bit { SILENCE_PLAN = 1 << 0, SILENCE_APPLY = 1 << 1 };

struct discover_file {
	struct discover_rule rule;
	const struct yaml_node *node;
};

struct environment_file {
	struct environment environment;
	const struct yaml_node *node;
};

/* Switches that a file may leave open. */
enum file_bit {
	FILE_AUTOMERGE = 1 << 20,
	FILE_PARALLEL_PLAN = 1 << 21,
	FILE_PARALLEL_APPLY = 1 << 22,
	FILE_ABORT = 1 << 23,
	FILE_DISCOVER_MODE = 1 << 24,
	FILE_FOLLOW_MODULES = 1 << 25,
	FILE_POLICIES = 1 << 26,
};

struct repo_file {
	const char *name; /* "sluice.yaml" */
	const struct yaml_node *root;
	int version;
	unsigned given; /* enum repo_key and enum file_bit */
	bool automerge, delete_source_branch, parallel_plan, parallel_apply, abort_on_failure;
	bool follow_modules;
	enum lock_mode lock;
	unsigned silence;
	const char *emoji; /* read and never used, as in Atlantis */
	enum discover_mode discover;
	struct name_list discover_ignore, project_patterns;
	struct project_file *projects;
	size_t project_count;
	struct workflow *workflows;
	size_t workflow_count;
	struct environment_file *environments;
	size_t environment_count;
	struct discover_file *discover_rules;
	size_t discover_rule_count;
	struct check_config *checks;
	size_t check_count;
	struct config_note *warnings; /* what is no error but will not do what it seems to */
	size_t warning_count;
};

/* Reads and checks all that one file can tell. Strings live in the arena; name and bytes must live
 * as long. What is wrong is in `errors`, in the order of the file. */
_must_check_ int repo_file_parse(const char *name, const char *bytes, size_t length,
	struct arena *arena, struct repo_file *ret, struct config_errors *errors, struct err *err);

void repo_file_reference(struct strbuf *out); /* rows of the page */
char *repo_file_schema(void);		      /* JSON Schema; owned by the caller */

/* repo_check.c: what the tables cannot say. */
void repo_file_check(const struct config_decoder *decoder, struct repo_file *file);
/* Where the value of a key stands; the node itself when it has none. */
struct yaml_place repo_file_place(const struct yaml_node *node, const char *key);

/* The words of allowed_overrides, in the order of enum repo_key. */
extern const char *const repo_key_words[];
extern const char *const requirement_words[]; /* in the order of enum requirement */
extern const char *const lock_words[], *const discover_words[], *const silence_words[];
